import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Isolation } from "../../domain/identity.ts";
import type { Engine } from "../../engine/engine.ts";
import { canceled } from "../../kit/abort.ts";
import { errnoOf, toDuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { ObjectShape } from "../../spec/docker/shape.ts";
import { readJsonBody, readSocketBody, skipSocketBody } from "./body.ts";
import { errorAnswer, statusOf } from "./failures.ts";
import type { Query } from "./query.ts";
import { readShape } from "./read-shape.ts";
import { untilAborted } from "./streaming.ts";
import type { ServerVersion } from "./version.ts";
import { streamType } from "./frames.ts";
import { acceptingHead } from "./websocket/handshake.ts";
import { WebSocketStream } from "./websocket/stream.ts";

const clientLeft = "the client went away";

/** What a request came with, beside its head. */
export interface ExchangeParts {
  readonly engine: Engine;
  readonly log: Log;
  readonly version: ServerVersion;
  readonly defaultIsolation: Isolation;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** 1000 × major + minor of the version that the client speaks. */
  readonly apiVersion: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Query;
  /** The socket, where node:http has given it up to us: of hijacking requests. */
  readonly socket: Socket | null;
  /** Makes node:http give it up, where `socket` is null. */
  readonly surrender: () => Promise<Socket>;
}

/** One request and its answer, as handlers see them. */
export class Exchange {
  readonly engine: Engine;
  readonly log: Log;
  readonly version: ServerVersion;
  /** What a container gets whose client names no isolation. */
  readonly defaultIsolation: Isolation;
  readonly apiVersion: number;
  readonly query: Query;
  /** Aborts, with a reason, when the client goes away before its answer is complete. */
  readonly signal: AbortSignal;
  private readonly parts: ExchangeParts;
  private readonly controller = new AbortController();
  private isBodyRead = false;
  private isClosed = false;

  constructor(parts: ExchangeParts) {
    this.parts = parts;
    this.engine = parts.engine;
    this.log = parts.log;
    this.version = parts.version;
    this.defaultIsolation = parts.defaultIsolation;
    this.apiVersion = parts.apiVersion;
    this.query = parts.query;
    this.signal = this.controller.signal;
    parts.response.once("close", () => {
      if (parts.response.writableFinished) return;
      this.isClosed = true;
      this.cancel(clientLeft);
    });
  }

  /** Also where its body broke off, and the connection's end has yet to be told. */
  private get hasClientLeft(): boolean {
    return this.isClosed || errnoOf(this.parts.request.errored) === "ECONNRESET";
  }

  /** Aborts `signal`, for the reason that `why` tells. */
  cancel(why: string): void {
    this.controller.abort(canceled(why));
  }

  get headers(): IncomingHttpHeaders {
    return this.parts.request.headers;
  }

  get isHead(): boolean {
    return this.parts.request.method === "HEAD";
  }

  /** A parameter of the path; the route table guarantees that it is there. */
  parameter(name: string): string {
    return this.parts.parameters[name] ?? "";
  }

  /** The body as JSON; undefined where it is empty. Throws `too-large`, `invalid` and `denied`. */
  json(): Promise<unknown> {
    const { socket, request } = this.parts;
    this.isBodyRead = true;
    return socket === null ? readJsonBody(request) : readSocketBody(request, socket);
  }

  /** The body as `shape` has it; without fields where it is empty. Throws as `json` does. */
  async read<T>(shape: ObjectShape<T>): Promise<T> {
    return readShape(shape, (await this.json()) ?? {}, this.apiVersion);
  }

  /** The body as a stream: read slowly, it holds the client back. */
  get body(): AsyncIterable<Uint8Array> {
    const bytes: AsyncIterable<Uint8Array> = this.parts.request.iterator({
      destroyOnReturn: false,
    });
    return untilAborted(bytes, this.signal);
  }

  header(name: string, value: string): void {
    this.parts.response.setHeader(name, value);
  }

  answer(status: number, value: unknown): void {
    this.text(status, "application/json", `${JSON.stringify(value)}\n`);
  }

  text(status: number, contentType: string, content: string): void {
    const { response } = this.parts;
    const bytes = Buffer.from(content);
    response.writeHead(status, { "Content-Type": contentType, "Content-Length": bytes.length });
    response.end(this.isHead ? undefined : bytes);
  }

  empty(status: number): void {
    const { response } = this.parts;
    if (status !== 204 && status !== 304) response.setHeader("Content-Length", 0);
    response.writeHead(status);
    response.end();
  }

  get isStarted(): boolean {
    return this.parts.response.headersSent;
  }

  /** Sends the head at once; `write` and `end` follow. */
  begin(contentType: string | null, status = 200): void {
    const { response } = this.parts;
    if (contentType !== null) response.setHeader("Content-Type", contentType);
    response.writeHead(status);
    response.flushHeaders();
  }

  /** Resolves when the client is ready for more. */
  async write(data: string | Uint8Array): Promise<void> {
    this.signal.throwIfAborted();
    const { response } = this.parts;
    if (response.write(data)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once("drain", resolve);
    const abort = (): void => resolve();
    this.signal.addEventListener("abort", abort, { once: true });
    await promise;
    response.off("drain", resolve);
    this.signal.removeEventListener("abort", abort);
    this.signal.throwIfAborted();
  }

  /** Whether the client reads slower than we write. */
  get isCongested(): boolean {
    return this.parts.response.writableNeedDrain;
  }

  /** Writes without waiting, for small messages of callbacks that cannot wait. */
  push(text: string): void {
    if (!this.signal.aborted) this.parts.response.write(text);
  }

  end(): void {
    this.parts.response.end();
  }

  /**
   * Turns the connection into a raw two-way stream: 101 where the client asked to upgrade, else 200.
   * `framed` says whether output goes out in frames, which only an upgraded connection is told of.
   * From here on the socket is the caller's. Resolves when the head is on its way by itself.
   */
  async hijack(framed: boolean): Promise<Socket> {
    const { request } = this.parts;
    const asked =
      request.headers.upgrade !== undefined && request.headers.upgrade !== injectedUpgrade;
    const lines = asked
      ? ["HTTP/1.1 101 UPGRADED", "Connection: Upgrade", "Upgrade: tcp"]
      : ["HTTP/1.1 200 OK"];
    lines.push(
      `Content-Type: ${streamType(framed && asked, this.apiVersion)}`,
      `Api-Version: ${this.version.apiVersion}`,
      "Docker-Experimental: false",
      "Ostype: linux",
    );
    return await this.take(`${lines.join("\r\n")}\r\n\r\n`);
  }

  /** Takes the connection, which goes on in another protocol that the client has named. */
  async upgrade(protocol: string): Promise<Socket> {
    const head = `HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    return await this.take(head);
  }

  /** Takes the connection, which becomes a WebSocket. */
  async openWebSocket(kind: "text" | "binary"): Promise<Duplex> {
    const head = acceptingHead(this.headers, this.version.apiVersion);
    return new WebSocketStream(await this.take(head), kind);
  }

  private async take(head: string): Promise<Socket> {
    const { request, response, surrender } = this.parts;
    const socket = this.parts.socket ?? (await surrender());
    if (this.parts.socket !== null) {
      // What was announced as a body is no input of the process.
      if (!this.isBodyRead) await skipSocketBody(request, socket);
      response.detachSocket(socket);
    }
    socket.once("close", () => this.cancel(clientLeft));
    const { promise: sent, resolve } = Promise.withResolvers<void>();
    // A client that has gone meanwhile is noticed where its streams are joined.
    socket.write(head, () => resolve());
    await sent;
    // Two turns have one round of I/O between them, in which the head can be read alone.
    await nextTurn();
    await nextTurn();
    return socket;
  }

  /** Answers a failure, in the way that the state of the answer still allows. */
  fail(thrown: unknown): void {
    const { response } = this.parts;
    if (this.hasClientLeft) {
      // Nobody hears an answer, and what its leaving broke is no fault of ours to log.
      response.socket?.destroy();
      return;
    }
    const error = toDuetError(thrown);
    if (error.class === "internal" || error.class === "corrupt") {
      this.log.error("request-failed", { code: error.code, error });
    }
    if (response.headersSent || response.socket === null) {
      response.socket?.destroy();
      return;
    }
    const status = statusOf(error);
    if (status === 304) this.empty(304);
    else this.answer(status, errorAnswer(error, this.headers["user-agent"]));
  }
}

/** Upgrade header that the front of the server puts in for clients that hijack without one. */
export const injectedUpgrade = "duet-hijack";
