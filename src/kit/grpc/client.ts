import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { canceled, race } from "../abort.ts";
import { DuetError } from "../errors.ts";
import type { Message, Method } from "./method.ts";
import { decode } from "./decode.ts";
import { encode, type Sparse } from "./encode.ts";
import { callWindow, connectionMemory, handshakeTimeout, maximumSentHeaders } from "./limits.ts";
import { frame, messageBatches } from "./messages.ts";
import { readTrailers, StatusError, type Status } from "./status.ts";
import { write } from "./write.ts";

export type Metadata = Readonly<Record<string, string | readonly string[]>>;

/** A call with streams both ways. */
export interface OpenCall<Request, Response> {
  /** Resolves when the other side is ready for more. */
  send(request: Sparse<Request>): Promise<void>;
  /** No more requests. */
  end(): void;
  /** The same for several at once. */
  sendAll(requests: readonly Sparse<Request>[]): Promise<void>;
  /** Throws StatusError where the call failed, `canceled` where it was cut off. To be read once. */
  readonly responses: AsyncIterable<Response>;
  /** To be read instead: encoded, and together what came together. */
  readonly encoded: AsyncIterable<readonly Buffer[]>;
  /** Gives up what is left of it. Idempotent. */
  cancel(): void;
}

/** gRPC towards the other side of a connection, of which we are the client. */
export class GrpcClient {
  readonly closed: Promise<void>;
  private readonly session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session, closed: Promise<void>) {
    this.session = session;
    this.closed = closed;
  }

  /** Throws `timeout` or `unavailable` SESSION_LOST where the other side speaks no HTTP/2. */
  static async over(socket: Duplex): Promise<GrpcClient> {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const { promise: ready, resolve: begin, reject } = Promise.withResolvers<void>();
    const session = connect("http://localhost", {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: callWindow },
      maxSessionMemory: connectionMemory,
      maxSendHeaderBlockLength: maximumSentHeaders,
    });
    session.on("error", () => undefined);
    // A connection may stay half open, and who has gone says no more than that.
    socket.once("end", () => session.destroy());
    session.once("close", () => {
      socket.destroy();
      reject(lost());
      resolve();
    });
    session.once("remoteSettings", () => begin());
    const timer = setTimeout(() => session.destroy(), handshakeTimeout);
    try {
      await ready;
    } finally {
      clearTimeout(timer);
    }
    return new GrpcClient(session, closed);
  }

  get isClosed(): boolean {
    return this.session.closed || this.session.destroyed;
  }

  close(): void {
    this.session.destroy();
  }

  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Sparse<Request>,
    signal: AbortSignal,
    metadata: Metadata = {},
  ): Promise<Response> {
    const call = this.open(method, metadata, signal);
    try {
      await call.send(request);
      call.end();
      let response: Response | undefined;
      for await (const one of call.responses) response ??= one;
      if (response === undefined) throw lost();
      return response;
    } finally {
      call.cancel();
    }
  }

  open<Request, Response>(
    method: Method<Request, Response>,
    metadata: Metadata,
    signal: AbortSignal,
  ): OpenCall<Request, Response> {
    signal.throwIfAborted();
    if (this.isClosed) throw lost();
    const stream = this.session.request({
      ...metadata,
      ":method": "POST",
      ":path": method.path,
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": "duet",
    });
    stream.on("error", () => undefined);
    const cancel = (): void => {
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    };
    signal.addEventListener("abort", cancel, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", cancel));
    const encoded = encodedOf(stream, endOf(stream), signal);
    const framed = (request: Sparse<Request>): Buffer => frame(encode(method.request, request));
    return {
      send: async (request) => {
        signal.throwIfAborted();
        await write(stream, framed(request));
      },
      sendAll: async (requests) => {
        signal.throwIfAborted();
        await write(stream, Buffer.concat(requests.map(framed)));
      },
      end: () => void stream.end(),
      responses: decoded(method.response, encoded),
      encoded,
      cancel,
    };
  }
}

function lost(): DuetError {
  return new DuetError(
    "unavailable",
    "SESSION_LOST",
    "no active session: the client has left the build",
  );
}

/** How the call ended, as the other side says; undefined where it was cut off. */
function endOf(stream: ClientHttp2Stream): Promise<Status | undefined> {
  const { promise, resolve } = Promise.withResolvers<Status | undefined>();
  // A call may end though we have not ended our half of it: so its trailers count, not its close.
  const read = (headers: IncomingHttpHeaders): void => {
    const found = readTrailers(headers);
    if (found !== undefined) resolve(found);
  };
  stream.once("response", read).once("trailers", read);
  stream.once("close", () => resolve(undefined));
  return promise;
}

async function* decoded<T>(
  message: Message<T>,
  encoded: AsyncIterable<readonly Buffer[]>,
): AsyncGenerator<T> {
  for await (const together of encoded) {
    for (const data of together) yield decode(message, data);
  }
}

async function* encodedOf(
  stream: ClientHttp2Stream,
  ended: Promise<Status | undefined>,
  signal: AbortSignal,
): AsyncGenerator<readonly Buffer[]> {
  let cause: unknown;
  try {
    yield* messageBatches(stream);
  } catch (error) {
    cause = error;
  }
  signal.throwIfAborted();
  if (cause instanceof DuetError) throw cause;
  const status = await race(ended, signal);
  if (status === undefined)
    throw cause === undefined ? canceled("the client has cut the call off") : lost();
  if (status.code !== 0) throw new StatusError(status.code, status.message, status.details);
}
