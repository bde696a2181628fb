import { connect } from "node:net";
import type { Duplex } from "node:stream";

/** Bytes both ways, each side closable on its own; `unref` lets the process end while it is open. */
export interface Connection extends Duplex {
  ref(): unknown;
  unref(): unknown;
}

/** Makes a new connection to one daemon; rejects with the system's error or a DuetError. */
export type Dial = (signal: AbortSignal | undefined) => Promise<Connection>;

/** Connects to a unix socket; rejects with the system's error. */
export async function dial(socketPath: string): Promise<Connection> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  socket.once("connect", () => resolve(socket));
  socket.once("error", reject);
  try {
    return await promise;
  } finally {
    socket.off("error", reject);
  }
}
