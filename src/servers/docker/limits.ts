/** Bytes of a JSON body. */
export const maximumJsonBody = 4 << 20;
/** Bytes of a body that no handler reads and that is skipped; after a longer one the connection ends, as Go's does. */
export const skippedBody = 256 << 10;
/** Nesting of a JSON body; Docker's own requests need under ten. */
export const maximumJsonDepth = 64;
/** Bytes of a request's head, the path and query included. */
export const maximumHead = 64 << 10;
/** Connections at once; each attach, wait and events stream holds one. */
export const maximumConnections = 2048;
/** Milliseconds in which a request's head, and a JSON body, must have arrived. */
export const headTimeout = 10_000;
export const bodyTimeout = 30_000;
/** Milliseconds for which a connection without a request is kept. */
export const idleTimeout = 30_000;
/** Milliseconds that a client gets to close its half of a hijacked connection after ours. */
export const lingerTimeout = 5_000;
