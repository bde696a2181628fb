import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { request, type IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createLog, type LogEvent } from "../../../src/kit/log.ts";
import { createDockerServer, type DockerServer } from "../../../src/servers/docker/server.ts";
import { watchAnswers } from "../../answers/watch-answers.ts";
import { FakeEngine } from "./fake-engine.ts";

/** Answers of this process's servers that do not fit the description of the API. */
const answerFaults: string[] = [];
watchAnswers((fault) => answerFaults.push(fault));

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

/** A server over a fake engine on a socket of its own. */
export class RunningServer implements AsyncDisposable {
  readonly engine: FakeEngine;
  readonly socket: string;
  readonly events: LogEvent[];
  readonly server: DockerServer;
  private readonly stop: () => Promise<void>;

  private constructor(
    engine: FakeEngine,
    socket: string,
    events: LogEvent[],
    server: DockerServer,
    stop: () => Promise<void>,
  ) {
    this.engine = engine;
    this.socket = socket;
    this.events = events;
    this.server = server;
    this.stop = stop;
  }

  static async start(): Promise<RunningServer> {
    const folder = await mkdtemp("/tmp/duet-api-");
    const engine = new FakeEngine();
    const events: LogEvent[] = [];
    const server = createDockerServer({
      engine,
      version: { name: "Duet", version: "0.1.0", apiVersion: "1.51" },
      log: createLog("api", (event) => events.push(event)),
      allowedHosts: ["duet.example.org"],
      agentsFolder: join(folder, "agents"),
    });
    const socket = join(folder, "s");
    await server.listen(socket);
    return new RunningServer(engine, socket, events, server, async () => {
      await server.close(AbortSignal.timeout(60_000));
      await rm(folder, { recursive: true, force: true });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    assert.deepEqual([...new Set(answerFaults.splice(0))], []);
  }

  async call(path: string, options: RequestOptions = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const isJson = typeof options.body === "string";
    const outgoing = request(
      {
        socketPath: this.socket,
        path,
        method: options.method ?? "GET",
        headers: { ...(isJson ? { "Content-Type": "application/json" } : {}), ...options.headers },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    outgoing.end(options.body);
    return await promise;
  }

  async post(path: string, body?: unknown): Promise<Answer> {
    return await this.call(path, {
      method: "POST",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async create(argv: readonly string[], more: object = {}): Promise<string> {
    const answer = await this.post("/v1.43/containers/create", {
      Image: "busybox",
      Cmd: argv,
      ...more,
    });
    if (answer.status !== 201) throw new Error(answer.body);
    return (JSON.parse(answer.body) as { Id: string }).Id;
  }

  /** A connection whose bytes the test chooses. */
  connect(): Socket {
    return connect({ path: this.socket, allowHalfOpen: true });
  }

  /** Runs a docker client against this server. */
  async docker(
    program: string,
    args: readonly string[],
    input?: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const { promise, resolve } = Promise.withResolvers<{
      code: number;
      stdout: string;
      stderr: string;
    }>();
    const child = execFile(
      program,
      [...args],
      {
        timeout: 120_000,
        env: {
          PATH: "/usr/bin:/bin",
          HOME: "/nonexistent",
          DOCKER_HOST: `unix://${this.socket}`,
          ...env,
        },
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(input ?? "");
    return await promise;
  }
}

/** Everything that a socket gives until the other side ends. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.once("end", () => resolve(Buffer.concat(chunks)));
  socket.once("error", reject);
  return await promise;
}
