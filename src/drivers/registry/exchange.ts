import {
  request as httpRequest,
  type Agent,
  type ClientRequest,
  type IncomingMessage,
} from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { race } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { networkError, timedOut } from "./failures.ts";
import type { RegistryPatience } from "./registry-config.ts";

/** One HTTP request to one place; nothing is followed, repeated or added but what HTTP itself needs. */
export interface Exchange {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly agent: Agent;
  readonly lookup: LookupFunction;
  /** Whether the agent goes by a proxy. */
  readonly isProxied: boolean;
  readonly patience: RegistryPatience;
  readonly signal: AbortSignal;
}

/** Bytes that all headers of an answer may have together. */
const maximumHeaderBytes = 64 << 10;

/** An answer whose body must be read to the end or discarded. */
export class Answer {
  readonly status: number;
  readonly url: URL;
  private readonly message: IncomingMessage;
  private readonly patience: RegistryPatience;
  private readonly signal: AbortSignal;

  constructor(message: IncomingMessage, exchange: Exchange) {
    this.message = message;
    this.status = message.statusCode ?? 0;
    this.url = exchange.url;
    this.patience = exchange.patience;
    this.signal = exchange.signal;
  }

  /** The header's value; of one that came several times, all joined with commas. */
  header(name: string): string | undefined {
    const value = this.message.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** The body, given up where it comes too slowly; time in which nobody reads does not count. */
  async *body(): AsyncGenerator<Buffer, void, void> {
    const iterator = this.message.iterator({ destroyOnReturn: true });
    let waited = 0;
    let received = 0;
    try {
      for (;;) {
        const start = performance.now();
        const next = await this.within(iterator.next(), this.patience.progress - waited);
        if (next.done === true) return;
        const chunk = next.value as Buffer;
        waited += performance.now() - start;
        received += chunk.length;
        if (received >= this.patience.progressBytes) {
          received = 0;
          waited = 0;
        }
        yield chunk;
      }
    } catch (error) {
      this.signal.throwIfAborted();
      throw networkError(this.url, error);
    } finally {
      this.message.destroy();
    }
  }

  /** The whole body. Throws `too-large` over `limit` bytes. */
  async bytes(limit: number): Promise<Buffer> {
    const declared = Number(this.header("content-length") ?? 0);
    const chunks: Buffer[] = [];
    let size = 0;
    if (declared > limit) throw this.tooLarge(limit);
    for await (const chunk of this.body()) {
      size += chunk.length;
      if (size > limit) throw this.tooLarge(limit);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Lets the connection be used again where little is left of the body, else ends it. */
  async discard(): Promise<void> {
    await this.bytes(64 << 10).catch(() => this.message.destroy());
  }

  private tooLarge(limit: number): DuetError {
    this.message.destroy();
    return new DuetError(
      "too-large",
      "REGISTRY_ANSWER_TOO_LARGE",
      `${this.url.host} answered with over ${limit} bytes where less must do`,
      { subject: this.url.host },
    );
  }

  private async within<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
    const timer = setTimeout(
      () => this.message.destroy(timedOut(this.url, "sends its data too slowly or not at all")),
      Math.max(milliseconds, 1),
    );
    try {
      return await race(promise, this.signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Sends it and gives the answer as soon as its headers are there, whatever its status. */
export async function exchange(one: Exchange): Promise<Answer> {
  one.signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const secure = one.url.protocol === "https:";
  const request = (secure ? httpsRequest : httpRequest)({
    method: one.method,
    hostname: one.url.hostname.replace(/^\[|\]$/g, ""),
    port: one.url.port === "" ? (secure ? 443 : 80) : Number(one.url.port),
    path: `${one.url.pathname}${one.url.search}`,
    headers: { host: one.url.host, ...one.headers },
    agent: one.agent,
    lookup: one.lookup,
    maxHeaderSize: maximumHeaderBytes,
  });
  const abort = (): void => {
    request.destroy(one.signal.reason instanceof Error ? one.signal.reason : undefined);
  };
  one.signal.addEventListener("abort", abort, { once: true });
  // Stays for the request's whole life: an error after the answer reaches the body's reader.
  request.on("error", reject);
  request.on("response", (message: IncomingMessage) => {
    message.once("close", () => one.signal.removeEventListener("abort", abort));
    if (!request.writableFinished) message.once("end", () => request.destroy());
    resolve(message);
  });
  const stopTimers = watch(request, one);
  try {
    send(request, one.body, reject);
    return new Answer(await promise, one);
  } catch (error) {
    one.signal.removeEventListener("abort", abort);
    request.destroy();
    one.signal.throwIfAborted();
    throw networkError(one.url, error);
  } finally {
    stopTimers();
  }
}

function send(
  request: ClientRequest,
  body: Exchange["body"],
  reject: (error: unknown) => void,
): void {
  if (body === undefined || body instanceof Uint8Array) request.end(body);
  else pipeline(Readable.from(body, { objectMode: false }), request).catch(reject);
}

/** Ends a request whose connection or answer does not come, or whose body nobody takes. */
function watch(request: ClientRequest, { url, patience, isProxied }: Exchange): () => void {
  const timers = new Set<NodeJS.Timeout>();
  const after = (milliseconds: number, what: string): NodeJS.Timeout => {
    const timer = setTimeout(() => request.destroy(timedOut(url, what)), milliseconds);
    timers.add(timer);
    return timer;
  };
  request.setTimeout(patience.progress + patience.response, () =>
    request.destroy(timedOut(url, "takes no more data")),
  );
  if (isProxied) {
    // The socket comes with its tunnel.
    const tunnel = after(
      patience.connect + patience.response,
      "is not reached by the proxy in time",
    );
    request.once("socket", () => clearTimeout(tunnel));
  }
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    const timer = after(patience.connect, "does not accept the connection in time");
    socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => clearTimeout(timer));
  });
  request.once("finish", () => after(patience.response, "does not answer in time"));
  return () => {
    for (const timer of timers) clearTimeout(timer);
    request.setTimeout(0);
  };
}
