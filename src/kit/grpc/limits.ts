/** Calls at once on one connection. BuildKit's clients have under twenty. */
export const maximumCalls = 128;
/** Bytes of a call's headers. */
export const maximumHeaders = 64 << 10;
/** Bytes of headers that we send: patterns of .dockerignore go there. */
export const maximumSentHeaders = 8 << 20;
/**
 * Bytes that may be on their way to us on one call. On the whole connection it is HTTP/2's default of 65,535: while
 * node:http2 writes it does not read, so what both sides have on their way must fit into the sockets' buffers. A call
 * that nobody reads must leave room for others.
 */
export const callWindow = 32 << 10;
/** Mebibytes that one connection's frames may hold in memory. */
export const connectionMemory = 64;
/** Milliseconds until the other side must have spoken HTTP/2. */
export const handshakeTimeout = 10_000;
