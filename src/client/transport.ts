import { DuetError, errnoOf, reasonOf } from "../kit/errors.ts";
import { errorFromAnswer } from "./api-error.ts";
import { ByteReader } from "./byte-reader.ts";
import { dial, type Connection, type Dial } from "./connection.ts";
import {
  chunkHead,
  chunkTail,
  encodeHead,
  isReusable,
  lastChunk,
  readBody,
  readHead,
  type ResponseHead,
} from "./http-wire.ts";

export type QueryValue = string | number | boolean | readonly string[] | undefined | null;

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE" | "HEAD";
  /** Without query, already encoded where it holds names (`pathOf`). */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as application/json. */
  readonly json?: unknown;
  /** Sent as it comes, in chunked coding. */
  readonly body?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

export interface Answer extends ResponseHead {
  /** Read it to its end or call `return()`: only then is the connection free. */
  readonly body: AsyncGenerator<Buffer, void, undefined>;
}

/** A connection that stopped being HTTP: raw bytes both ways, each side closable on its own. */
export interface Hijacked extends ResponseHead {
  readonly socket: Connection;
}

/** Joins path segments, each percent-encoded. */
export function pathOf(...segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
}

/** Called when nothing listens; gives true once a daemon answers and the call may be tried again. */
export type Revive = (signal: AbortSignal | undefined) => Promise<boolean>;

/**
 * HTTP/1.1 to one daemon with connections kept for reuse. It speaks HTTP itself because
 * loading node:http costs a short-lived CLI 22 ms of its 45 (docs/internals/decisions/0010).
 */
export class Transport implements AsyncDisposable {
  private readonly place: string;
  private readonly dial: Dial;
  private readonly revive: Revive | null;
  private readonly open = new Set<Connection>();
  private readonly idle: { readonly socket: Connection; readonly since: number }[] = [];

  /** `place` is a unix socket's path, or for messages the name of what `dialPlace` connects to. */
  constructor(place: string, revive: Revive | null = null, dialPlace: Dial = () => dial(place)) {
    this.place = place;
    this.dial = dialPlace;
    this.revive = revive;
  }

  /** Sends the call and gives any answer below 400; others throw their DuetError. */
  async send(call: Call): Promise<Answer> {
    const { socket, reader, head } = await this.exchange(call, {});
    const body = this.bodyOf(socket, reader, head, call);
    if (head.status < 400) return { ...head, body };
    throw errorFromAnswer(head.status, await textOf(body));
  }

  /** The answer's JSON body; undefined when it is empty. */
  async json<T>(call: Call): Promise<T> {
    const text = await textOf((await this.send(call)).body);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Sends the call and reads the answer away; gives its status. */
  async done(call: Call): Promise<number> {
    const answer = await this.send(call);
    await textOf(answer.body);
    return answer.status;
  }

  /** The answer's body as a stream. */
  async *bytes(call: Call): AsyncGenerator<Buffer, void, undefined> {
    yield* (await this.send(call)).body;
  }

  /** Asks to turn the connection into a raw stream (`Upgrade: tcp`; Docker's attach and exec). */
  async hijack(call: Call): Promise<Hijacked> {
    return await this.upgrade(call, "tcp");
  }

  /** Asks to go on in another protocol. */
  async upgrade(call: Call, protocol: string): Promise<Hijacked> {
    const { socket, reader, head } = await this.exchange(call, {
      Connection: "Upgrade",
      Upgrade: protocol,
    });
    if (head.status >= 400) {
      const text = await textOf(readBody(reader, head, call.method));
      socket.destroy();
      throw errorFromAnswer(head.status, text);
    }
    reader.release();
    return { ...head, socket };
  }

  /** A connection that nothing was said on; it is the caller's. */
  async connect(signal: AbortSignal | undefined): Promise<Connection> {
    return await this.dialOrRevive(signal);
  }

  /** Closes every connection, those in use too: what waits on one ends with an error. */
  [Symbol.asyncDispose](): Promise<void> {
    this.idle.length = 0;
    for (const socket of this.open) socket.destroy();
    return Promise.resolve();
  }

  private async exchange(
    call: Call,
    extra: Readonly<Record<string, string>>,
  ): Promise<{ socket: Connection; reader: ByteReader; head: ResponseHead }> {
    call.signal?.throwIfAborted();
    const socket = await this.connection(call.signal);
    if (call.signal?.aborted === true) {
      socket.destroy();
      throw asError(call.signal.reason);
    }
    const abort = (): void => void socket.destroy(asError(call.signal?.reason));
    call.signal?.addEventListener("abort", abort, { once: true });
    socket.once("close", () => call.signal?.removeEventListener("abort", abort));
    socketAborts.set(socket, () => call.signal?.removeEventListener("abort", abort));
    const reader = new ByteReader(socket);
    try {
      writeCall(socket, call, extra);
      return { socket, reader, head: await readHead(reader) };
    } catch (error) {
      socket.destroy();
      call.signal?.throwIfAborted();
      throw connectionError(error, this.place);
    }
  }

  private async *bodyOf(
    socket: Connection,
    reader: ByteReader,
    head: ResponseHead,
    call: Call,
  ): AsyncGenerator<Buffer, void, undefined> {
    let complete = false;
    try {
      yield* readBody(reader, head, call.method);
      complete = true;
    } catch (error) {
      call.signal?.throwIfAborted();
      throw connectionError(error, this.place);
    } finally {
      socketAborts.get(socket)?.();
      if (complete && call.body === undefined && isReusable(head)) this.keep(reader.release());
      else socket.destroy();
    }
  }

  private keep(socket: Connection): void {
    socket.unref();
    const drop = (): void => {
      const at = this.idle.findIndex((entry) => entry.socket === socket);
      if (at >= 0) this.idle.splice(at, 1);
      socket.destroy();
    };
    socket.removeAllListeners();
    socket.once("close", () => this.open.delete(socket));
    for (const event of ["end", "close", "error", "readable"]) socket.once(event, drop);
    this.idle.push({ socket, since: performance.now() });
  }

  private async connection(signal: AbortSignal | undefined): Promise<Connection> {
    const kept = this.idle.pop();
    if (kept !== undefined && performance.now() - kept.since < reuseMilliseconds) {
      const { socket } = kept;
      socket.removeAllListeners();
      socket.once("close", () => this.open.delete(socket));
      socket.ref();
      return socket;
    }
    kept?.socket.destroy();
    const socket = await this.dialOrRevive(signal);
    this.open.add(socket);
    socket.once("close", () => this.open.delete(socket));
    return socket;
  }

  private async dialOrRevive(signal: AbortSignal | undefined): Promise<Connection> {
    try {
      return await this.dial(signal);
    } catch (error) {
      const silent = errnoOf(error) === "ENOENT" || errnoOf(error) === "ECONNREFUSED";
      if (!silent || this.revive === null || !(await this.revive(signal))) {
        throw connectionError(error, this.place);
      }
    }
    return await this.dial(signal).catch((error: unknown) => {
      throw connectionError(error, this.place);
    });
  }
}

/** Well below the 5 s after which a Node server closes an idle connection, so that no call races it. */
const reuseMilliseconds = 2_000;

const socketAborts = new WeakMap<Connection, () => void>();

function writeCall(socket: Connection, call: Call, extra: Readonly<Record<string, string>>): void {
  const json = call.json === undefined ? null : Buffer.from(JSON.stringify(call.json));
  const headers: Record<string, string> = { ...call.headers, ...extra };
  if (json !== null) headers["Content-Type"] = "application/json";
  if (call.body === undefined) {
    if (json !== null || call.method !== "GET")
      headers["Content-Length"] = String(json?.length ?? 0);
  } else {
    headers["Transfer-Encoding"] = "chunked";
  }
  const head = encodeHead({
    method: call.method,
    path: call.path + encodeQuery(call.query),
    headers,
  });
  socket.write(json === null ? head : Buffer.concat([Buffer.from(head), json]));
  if (call.body !== undefined) void writeStream(socket, call.body);
}

/** An error of the source destroys the socket, and so reaches whoever waits for the answer. */
async function writeStream(socket: Connection, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const bytes of body) {
      if (bytes.length === 0) continue;
      if (!socket.writable) return;
      // Three parts, one call, and no copy.
      socket.cork();
      socket.write(chunkHead(bytes));
      socket.write(bytes);
      const ready = socket.write(chunkTail);
      socket.uncork();
      if (!ready) await drained(socket);
    }
    if (socket.writable) socket.write(lastChunk);
  } catch (error) {
    socket.destroy(asError(error));
  }
}

async function drained(socket: Connection): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve);
  socket.once("close", resolve);
  await promise;
  socket.off("drain", resolve);
  socket.off("close", resolve);
}

function encodeQuery(query: Call["query"]): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined || value === null) continue;
    const values = Array.isArray(value) ? (value as readonly string[]) : [String(value)];
    for (const text of values) pairs.push(`${name}=${encodeURIComponent(text)}`);
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

const maximumText = 256 << 20;

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const bytes of body) {
    size += bytes.length;
    if (size > maximumText)
      throw new DuetError("too-large", "ANSWER_TOO_LARGE", "the daemon's answer is too large");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function asError(value: unknown): Error {
  return value instanceof Error
    ? value
    : new DuetError("canceled", "CANCELED", `canceled: ${String(value)}`);
}

function connectionError(error: unknown, socketPath: string): Error {
  if (error instanceof DuetError) return error;
  const errno = errnoOf(error);
  if (errno === "EACCES" || errno === "EPERM") {
    return new DuetError(
      "denied",
      "SOCKET_DENIED",
      `cannot open the daemon's socket · permission denied · ${socketPath}`,
      {
        cause: error,
        hint: "run it as root or join the socket's group",
      },
    );
  }
  if (errno === undefined) return asError(error);
  return new DuetError(
    "unavailable",
    "DAEMON_UNREACHABLE",
    `cannot reach the Duet daemon · ${reasonOf(error) ?? errno} · ${socketPath}`,
    { cause: error, hint: "start it with `duet daemon`, or name another with --host or DUET_HOST" },
  );
}
