import { createServer, ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Isolation } from "../../domain/identity.ts";
import type { Engine } from "../../engine/engine.ts";
import { race } from "../../kit/abort.ts";
import { toDuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { queries } from "../../spec/docker/queries.ts";
import { buildkitRoutes } from "../buildkit/routes.ts";
import { createBuildKit, type BuildKit } from "../buildkit/service.ts";
import { RequestMeter } from "../native/metrics/request-meter.ts";
import { nativeRoutes } from "../native/routes.ts";
import { buildImage } from "./build/build.ts";
import { Exchange } from "./exchange.ts";
import { errorAnswer, invalid, statusOf } from "./failures.ts";
import { installFront } from "./front.ts";
import { checkSource } from "./gate.ts";
import {
  headTimeout,
  idleTimeout,
  lingerTimeout,
  maximumConnections,
  maximumHead,
  skippedBody,
} from "./limits.ts";
import { listenUnix, type ListenOptions } from "./listener.ts";
import { Query } from "./query.ts";
import { Router, splitPath, type Match } from "./router.ts";
import { routes } from "./routes.ts";
import { takeOver } from "./take-over.ts";
import { listenTls, type TcpAddress, type TlsIdentity, type TlsPorts } from "./tls-listener.ts";
import { negotiate, type ServerVersion } from "./version.ts";

export interface DockerServerOptions {
  readonly engine: Engine;
  readonly version: ServerVersion;
  readonly log: Log;
  /** What a container gets whose client names no isolation; `container` by default. */
  readonly defaultIsolation?: Isolation;
  /** Folder for what is kept of builds that have ended; without one they are forgotten with the daemon. */
  readonly buildHistory?: string;
  /** Folder for sockets that lead to the ssh agents of builds' clients; made where missing. */
  readonly agentsFolder: string;
  /** Names, beside local ones, that clients may call this server by. */
  readonly allowedHosts?: readonly string[];
}

/** The Docker Engine API, and Duet's own under /duet/v1. */
export interface DockerServer {
  /** Listens on a unix socket. Throws `conflict` SOCKET_IN_USE where another daemon answers there. */
  listen(path: string, options?: ListenOptions): Promise<void>;
  /** Listens on a descriptor that the service manager opened. */
  listenFd(fd: number): Promise<void>;
  /** Listens for TLS of clients with a certificate that `identity` vouches for. Throws `invalid` TLS_IDENTITY. */
  listenTls(addresses: readonly TcpAddress[], identity: TlsIdentity): Promise<TlsPorts>;
  /** Takes no more requests, ends streams, and resolves when the last connection is gone. */
  close(signal: AbortSignal): Promise<void>;
}

export function createDockerServer(options: DockerServerOptions): DockerServer {
  const service = new Service(options);
  const { server } = service;
  return {
    listen: (path, listenOptions = {}) => listenUnix(server, path, listenOptions),
    listenFd: async (fd) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once("listening", resolve).once("error", reject);
      server.listen({ fd });
      await promise;
      server.off("error", reject);
    },
    listenTls: (addresses, identity) => service.listenTls(addresses, identity),
    close: (signal) => service.close(signal),
  };
}

/** In figures, as nginx has it: the client went away before its answer began. */
const clientLeft = 499;

class Service {
  readonly server: Server;
  private readonly meter = new RequestMeter();
  private readonly router: Router;
  private readonly buildkit: BuildKit;
  private readonly options: DockerServerOptions;
  private readonly allowedHosts: ReadonlySet<string>;
  private readonly sockets = new Set<Socket>();
  private readonly hijacked = new Set<Socket>();
  private readonly open = new Set<Exchange>();
  private ports: TlsPorts | undefined;

  constructor(options: DockerServerOptions) {
    this.options = options;
    const { engine, log, buildHistory: history = null, agentsFolder: agents } = options;
    this.buildkit = createBuildKit(engine, log, { history, agents });
    this.router = new Router([
      ...buildkitRoutes(this.buildkit, buildImage),
      ...routes,
      ...nativeRoutes(this.meter),
    ]);
    this.allowedHosts = new Set((options.allowedHosts ?? []).map((host) => host.toLowerCase()));
    this.server = createServer({
      maxHeaderSize: maximumHead,
      headersTimeout: headTimeout,
      // Bodies of JSON routes have their own deadline; streamed bodies may take what they need.
      requestTimeout: 0,
      keepAliveTimeout: idleTimeout,
      connectionsCheckingInterval: 5_000,
      shouldUpgradeCallback: (request: IncomingMessage) => this.mayHijack(request),
    });
    this.server.maxConnections = maximumConnections;
    installFront(this.server);
    this.server.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.once("close", () => this.sockets.delete(socket));
    });
    this.listenToRequests();
  }

  async listenTls(addresses: readonly TcpAddress[], identity: TlsIdentity): Promise<TlsPorts> {
    this.ports = await listenTls(this.server, addresses, identity, this.options.log);
    return this.ports;
  }

  private listenToRequests(): void {
    const { server } = this;
    server.on("request", (request, response) => this.serve(request, response, null));
    server.on("checkContinue", (request, response) => {
      response.writeContinue();
      this.serve(request, response, null);
    });
    server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on("error", () => undefined);
      this.hijacked.add(socket);
      socket.once("close", () => this.hijacked.delete(socket));
      if (head.length > 0) socket.unshift(head);
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      response.once("finish", () => socket.destroySoon());
      this.serve(request, response, socket);
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (socket.destroyed || !socket.writable) return;
      socket.end(refusal(error.code));
    });
    server.on("drop", () => this.options.log.warn("connection-refused", { maximumConnections }));
  }

  private mayHijack(request: IncomingMessage): boolean {
    const path = (request.url ?? "").split("?", 1)[0]!;
    return this.router.mayHijack(request.method ?? "", splitPath(path).segments);
  }

  private serve(request: IncomingMessage, response: ServerResponse, socket: Socket | null): void {
    const { version } = this.options;
    response.setHeader("Api-Version", version.apiVersion);
    response.setHeader("Docker-Experimental", "false");
    response.setHeader("Ostype", "linux");
    response.setHeader("Server", `${version.name}/${version.version} (linux)`);
    response.on("error", () => undefined);
    if (socket === null) response.once("finish", () => discardBody(request));
    this.dispatch(request, response, socket).catch((error: unknown) => {
      this.options.log.error("dispatch-failed", { error });
      response.socket?.destroy();
    });
  }

  private async dispatch(
    request: IncomingMessage,
    response: ServerResponse,
    socket: Socket | null,
  ): Promise<void> {
    let exchange: Exchange | null = null;
    let route = "none";
    const measured = this.meter.begin();
    try {
      checkSource(request.headers, this.allowedHosts, request.socket instanceof TLSSocket);
      if (answerPlainly(request, response)) return;
      const found = this.find(request);
      route = found.match.route.path;
      exchange = this.exchange(request, response, socket, found);
      this.open.add(exchange);
      await found.match.route.handle(exchange);
    } catch (error) {
      if (exchange === null) answerError(response, error, request.headers["user-agent"]);
      else exchange.fail(error);
    } finally {
      if (exchange !== null) this.open.delete(exchange);
      const code = response.headersSent ? response.statusCode : socket === null ? clientLeft : 101;
      measured(route === "none" ? "" : (request.method ?? ""), route, code);
    }
  }

  private find(request: IncomingMessage): { match: Match; apiVersion: number; query: Query } {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = splitPath(mark < 0 ? url : url.slice(0, mark));
    const apiVersion = negotiate(path.version, this.options.version.apiVersion);
    const match = this.router.match(request.method ?? "", path.segments);
    const rules = queries[`${match.route.method} ${match.route.path}`] ?? {};
    const query = new Query(mark < 0 ? "" : url.slice(mark + 1), rules, apiVersion);
    return { match, apiVersion, query };
  }

  private exchange(
    request: IncomingMessage,
    response: ServerResponse,
    socket: Socket | null,
    found: { match: Match; apiVersion: number; query: Query },
  ): Exchange {
    return new Exchange({
      engine: this.options.engine,
      log: this.options.log,
      version: this.options.version,
      defaultIsolation: this.options.defaultIsolation ?? "container",
      request,
      response,
      socket,
      surrender: () => this.surrender(request, response),
      apiVersion: found.apiVersion,
      parameters: found.match.parameters,
      query: found.query,
    });
  }

  /** Takes a connection that node:http still reads: of a later request on it that does not ask to upgrade. */
  private async surrender(request: IncomingMessage, response: ServerResponse): Promise<Socket> {
    const socket = await takeOver(request, response);
    this.hijacked.add(socket);
    socket.once("close", () => this.hijacked.delete(socket));
    return socket;
  }

  async close(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    this.ports?.close();
    for (const exchange of this.open) exchange.cancel("the server closes");
    for (const socket of this.hijacked) socket.destroySoon();
    this.server.closeIdleConnections();
    try {
      await race(promise, signal);
    } finally {
      for (const socket of this.sockets) socket.destroy();
    }
    await race(this.buildkit.jobs.kept(), signal);
  }
}

/**
 * A short body that nobody reads is skipped, since clients use the connection again. A long one ends the
 * connection; who still sends it gets the time to see the answer.
 */
function discardBody(request: IncomingMessage): void {
  if (request.complete) return;
  if (Number(request.headers["content-length"] ?? Infinity) <= skippedBody) {
    request.resume();
    return;
  }
  const { socket } = request;
  request.resume();
  socket.end();
  const timer = setTimeout(() => {
    if (!request.complete) socket.destroy();
  }, lingerTimeout);
  timer.unref();
  request.once("close", () => clearTimeout(timer));
}

/** Answers what needs neither a version nor a handler; false where it is not such a request. */
function answerPlainly(request: IncomingMessage, response: ServerResponse): boolean {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  if (request.method === "OPTIONS") {
    response.writeHead(200, { "Content-Length": 0 }).end();
    return true;
  }
  if (!path.startsWith("/") || !path.includes("//")) return false;
  removeHeaders(response);
  const clean = path.replaceAll(/\/{2,}/g, "/") + (mark < 0 ? "" : url.slice(mark));
  response.writeHead(301, { Location: clean, "Content-Length": 0 }).end();
  return true;
}

/** What Docker adds only once it has found who is to answer. */
function removeHeaders(response: ServerResponse): void {
  for (const name of ["Api-Version", "Docker-Experimental", "Ostype"]) response.removeHeader(name);
}

function answerError(
  response: ServerResponse,
  thrown: unknown,
  userAgent: string | undefined,
): void {
  const error = toDuetError(thrown);
  // Docker's middleware refuses old clients before anything that answers in JSON.
  const isText = error.code === "API_VERSION_TOO_OLD";
  const text = isText ? error.message : JSON.stringify(errorAnswer(error, userAgent));
  const body = Buffer.from(`${text}\n`);
  if (error.code === "PAGE_NOT_FOUND") removeHeaders(response);
  response.writeHead(statusOf(error), {
    "Content-Type": isText ? "text/plain; charset=utf-8" : "application/json",
    "Content-Length": body.length,
  });
  response.end(body);
}

/** The answer to bytes that are no HTTP request. */
function refusal(code: string | undefined): string {
  const status =
    code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  const body = `${JSON.stringify(errorAnswer(invalid(`not a valid HTTP request: ${status.slice(4)}`), undefined))}\n`;
  return [
    `HTTP/1.1 ${status}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
