import { createSocket, type Socket as Datagrams } from "node:dgram";
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { race, withDeadline } from "../../kit/abort.ts";
import type { DuetError } from "../../kit/errors.ts";
import { addressText, type Destination } from "./address.ts";
import { unreachable } from "./failures.ts";
import { UnixDatagrams } from "./unix-datagrams.ts";

const connectMilliseconds = 10_000;

/** What takes messages; a message is never cut where the transport has borders of its own. */
export interface Connection {
  /** Resolves when the kernel has taken all of them. Throws `unavailable` LOG_DESTINATION once the other side is gone. */
  write(messages: readonly Buffer[], signal: AbortSignal): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Throws `unavailable` LOG_DESTINATION. `security` is for what goes over TLS. */
export async function openConnection(
  destination: Destination,
  signal: AbortSignal,
  security: ConnectionOptions = {},
): Promise<Connection> {
  const soon = withDeadline(signal, connectMilliseconds, `dial ${addressText(destination)}`);
  if (destination.kind === "unixgram") return new UnixDatagrams(destination.path);
  if (destination.kind === "udp") return await openUdp(destination, soon);
  const socket = begin(destination, security);
  const what = `dial ${destination.kind === "unix" ? "unix" : "tcp"} ${addressText(destination)}`;
  await opened(socket, destination.kind === "tls" ? "secureConnect" : "connect", what, soon);
  return new StreamConnection(socket, what);
}

function begin(
  destination: Exclude<Destination, { readonly kind: "udp" | "unixgram" }>,
  security: ConnectionOptions,
): Socket {
  if ("path" in destination) return connect({ path: destination.path });
  const { kind, host, port } = destination;
  if (kind === "tcp") return connect({ host, port });
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...security });
}

async function opened(
  socket: Socket,
  event: "connect" | "secureConnect",
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once(event, resolve).once("error", reject);
  try {
    await race(promise, signal);
  } catch (error) {
    promise.catch(() => undefined);
    socket.on("error", () => undefined).destroy();
    throw signal.aborted ? error : unreachable(what, error);
  }
}

class StreamConnection implements Connection {
  private readonly socket: Socket;
  private readonly what: string;
  private failure: unknown;

  constructor(socket: Socket, what: string) {
    this.socket = socket;
    this.what = what;
    socket.on("error", (error) => (this.failure ??= error));
    // What it says is of no interest; that it ends is.
    socket.resume();
  }

  async write(messages: readonly Buffer[], signal: AbortSignal): Promise<void> {
    if (!this.socket.writable) throw this.gone();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const closed = (): void => reject(this.gone());
    this.socket.once("close", closed);
    this.socket.write(Buffer.concat(messages), (error) => (error ? closed() : resolve()));
    try {
      await race(promise, signal);
    } finally {
      promise.catch(() => undefined);
      this.socket.off("close", closed);
    }
  }

  private gone(): DuetError {
    return unreachable(this.what, this.failure ?? new Error("the other side has closed it"));
  }

  /** Lets go of what the kernel has; waits for nothing that another side must do. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.end();
    this.socket.unref();
    setTimeout(() => this.socket.destroy(), connectMilliseconds).unref();
  }
}

/** To the first of the host's addresses to which there is a way, by IPv4 or IPv6, in the order of its resolver. */
async function openUdp(
  destination: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Connection> {
  const { host, port } = destination;
  let failure: unknown;
  try {
    for (const address of await race(lookup(host, { all: true, order: "verbatim" }), signal)) {
      try {
        return datagramConnection(await connectedUdp(address, port, signal));
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
    }
  } catch (error) {
    if (signal.aborted) throw error;
    failure = error;
  }
  throw unreachable(`dial udp ${addressText({ kind: "udp", host, port })}`, failure);
}

async function connectedUdp(
  { address, family }: LookupAddress,
  port: number,
  signal: AbortSignal,
): Promise<Datagrams> {
  const socket = createSocket({ type: family === 6 ? "udp6" : "udp4" });
  // Nobody need listen there: datagrams are sent, and that is all.
  socket.on("error", () => undefined);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.connect(port, address, (error?: Error | null) => (error ? reject(error) : resolve()));
  try {
    await race(promise, signal);
    return socket;
  } catch (error) {
    promise.catch(() => undefined);
    socket.close();
    throw error;
  }
}

function datagramConnection(socket: Datagrams): Connection {
  return {
    write: async (messages) => {
      for (const message of messages) {
        const sent = Promise.withResolvers<void>();
        socket.send(message, () => sent.resolve());
        await sent.promise;
      }
    },
    [Symbol.asyncDispose]: async () => void socket.close(),
  };
}
