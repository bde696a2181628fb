import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Duplex } from "node:stream";
import { canceled, withDeadline } from "../abort.ts";
import { toDuetError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Method } from "./method.ts";
import { decode } from "./decode.ts";
import { encode, type Sparse } from "./encode.ts";
import {
  callWindow,
  connectionMemory,
  handshakeTimeout,
  maximumCalls,
  maximumHeaders,
} from "./limits.ts";
import { frame, messages } from "./messages.ts";
import { codes, StatusError, statusOf, trailersOf } from "./status.ts";
import { write } from "./write.ts";

/** One call of a client, as its method sees it. */
export interface Call {
  /** A header; "" where there is none. */
  header(name: string): string;
  /** All values of a header that may come several times. */
  headers(name: string): readonly string[];
  /** Aborts when the client leaves, cancels, or its deadline has passed. */
  readonly signal: AbortSignal;
}

/** A method with what answers it. */
export interface Served {
  readonly path: string;
  answer(requests: AsyncIterable<Buffer>, call: Call): AsyncIterable<Buffer>;
}

export function unary<Request, Response>(
  method: Method<Request, Response>,
  answer: (
    request: Request,
    call: Call,
  ) => Promise<Sparse<NoInfer<Response>>> | Sparse<NoInfer<Response>>,
): Served {
  return streaming(method, async function* (request, call) {
    yield await answer(request, call);
  });
}

/** One request, many answers. */
export function streaming<Request, Response>(
  method: Method<Request, Response>,
  answer: (request: Request, call: Call) => AsyncIterable<Sparse<NoInfer<Response>>>,
): Served {
  return twoWay(method, async function* (requests, call) {
    for await (const request of requests) {
      yield* answer(request, call);
      return;
    }
    throw new StatusError(codes.unknown, "the call holds no request");
  });
}

export function twoWay<Request, Response>(
  method: Method<Request, Response>,
  answer: (
    requests: AsyncIterable<Request>,
    call: Call,
  ) => AsyncIterable<Sparse<NoInfer<Response>>>,
): Served {
  return {
    path: method.path,
    async *answer(requests, call) {
      for await (const value of answer(decoded(method, requests), call)) {
        yield encode(method.response, value);
      }
    },
  };
}

async function* decoded<Request>(
  method: Method<Request, unknown>,
  requests: AsyncIterable<Buffer>,
): AsyncGenerator<Request> {
  for await (const request of requests) yield decode(method.request, request);
}

/**
 * Serves gRPC on a connection that has been taken over, until it ends; `signal` ends it. Whatever the client
 * sends ends no more than its own connection.
 */
export async function serveGrpc(
  socket: Duplex,
  methods: ReadonlyMap<string, Served>,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const session = performServerHandshake(socket, {
    settings: {
      maxConcurrentStreams: maximumCalls,
      initialWindowSize: callWindow,
      maxHeaderListSize: maximumHeaders,
    },
    maxSessionMemory: connectionMemory,
  });
  const timer = setTimeout(() => session.destroy(), handshakeTimeout);
  session.once("remoteSettings", () => clearTimeout(timer));
  session.on("error", () => undefined);
  session.on("stream", (stream, headers, _flags, rawHeaders) => {
    stream.on("error", () => undefined);
    answerCall(stream, { headers, rawHeaders }, methods, log).catch((error: unknown) => {
      log.error("grpc-call-failed", { error });
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
  });
  const leave = (): void => session.destroy();
  socket.once("close", resolve);
  // A connection may stay half open, and who has gone says no more than that.
  socket.once("end", leave);
  session.once("close", () => socket.destroy());
  signal.addEventListener("abort", leave, { once: true });
  await closed;
  clearTimeout(timer);
  signal.removeEventListener("abort", leave);
}

interface CallHead {
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

async function answerCall(
  stream: ServerHttp2Stream,
  head: CallHead,
  methods: ReadonlyMap<string, Served>,
  log: Log,
): Promise<void> {
  const controller = new AbortController();
  stream.once("close", () => controller.abort(canceled("the client has ended the call")));
  const path = head.headers[":path"] ?? "";
  let ended = { code: 0, message: "", details: [] } as ReturnType<typeof statusOf>;
  stream.once("wantTrailers", () => stream.sendTrailers(trailersOf(ended)));
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  try {
    const served = methods.get(path);
    if (served === undefined) throw unknownMethod(path);
    const call = callOf(head, controller.signal);
    // A method that has read what it needs must not end the stream that its answer goes out by.
    const source: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false });
    for await (const answer of served.answer(messages(source), call)) {
      await write(stream, frame(answer));
    }
  } catch (error) {
    ended = statusOf(error);
    const { class: errorClass } = toDuetError(error);
    if (errorClass === "internal" && !(error instanceof StatusError) && !stream.destroyed) {
      log.error("grpc-call-failed", { method: path.slice(0, 200), error });
    }
  }
  if (stream.destroyed) return;
  stream.end();
  // What the client still sends is dropped; it sees the trailers first.
  stream.resume();
}

function unknownMethod(path: string): StatusError {
  const [, service = "", method = ""] = path.slice(0, 200).split("/");
  return new StatusError(codes.unimplemented, `unknown service ${service} or method ${method}`);
}

const units: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

function callOf({ headers, rawHeaders }: CallHead, signal: AbortSignal): Call {
  const match = /^(\d{1,8})([HMSmun])$/.exec(String(headers["grpc-timeout"] ?? ""));
  const milliseconds = match === null ? null : Number(match[1]) * units[match[2]!]!;
  const limited =
    milliseconds === null || milliseconds > 2 ** 31 - 1
      ? signal
      : withDeadline(signal, Math.max(1, Math.ceil(milliseconds)), "the call");
  return {
    signal: limited,
    header: (name) => {
      const value = headers[name];
      return typeof value === "string" ? value : "";
    },
    headers: (name) =>
      rawHeaders.filter((_value, index) => index % 2 === 1 && rawHeaders[index - 1] === name),
  };
}
