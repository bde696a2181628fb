/** Calls at once on one connection. BuildKit's clients have under twenty. */
export const maximumCalls = 128;
/** Bytes of a call's headers. */
export const maximumHeaders = 64 << 10;
/** Bytes of headers that we send: patterns of .dockerignore go there. */
export const maximumSentHeaders = 8 << 20;
/** Bytes that may be on their way to us on one call, and on one connection. */
export const callWindow = 1 << 20;
export const connectionWindow = 8 << 20;
/** Mebibytes that one connection's frames may hold in memory. */
export const connectionMemory = 64;
/** Milliseconds until the other side must have spoken HTTP/2. */
export const handshakeTimeout = 10_000;
