import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { createConnection, type Socket } from "node:net";

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/** The engine's API with as many connections as are asked for, each kept for reuse. */
export class Api implements Disposable {
  readonly socket: string;
  private readonly agent = new Agent({ keepAlive: true, keepAliveMsecs: 1_000 });
  private readonly signal: AbortSignal;

  constructor(socket: string, signal: AbortSignal) {
    this.socket = socket;
    this.signal = signal;
  }

  async call(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const answer = await this.stream(method, path, body);
    const chunks: Buffer[] = [];
    for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
    return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
  }

  /** The same; throws for a status that is a failure. Gives the body as JSON. */
  async ok(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.call(method, path, body);
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return answer.body === "" ? null : JSON.parse(answer.body);
  }

  /** The answer as soon as its head is there; destroy it to break off. */
  async stream(method: string, path: string, body?: unknown): Promise<IncomingMessage> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const asked = request({
      socketPath: this.socket,
      agent: this.agent,
      method,
      path,
      signal: this.signal,
      headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) },
    });
    asked.end(text);
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.on("error", () => undefined);
    return answer;
  }

  /** A connection that sent `path` as a request to hijack it, and reads nothing yet. */
  async hijack(path: string): Promise<Socket> {
    const socket = createConnection(this.socket);
    socket.on("error", () => undefined);
    await once(socket, "connect", { signal: this.signal });
    socket.pause();
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
    );
    return socket;
  }

  /** Makes and starts a container of busybox; gives its id. */
  async run(command: readonly string[], hostConfig: object = {}): Promise<string> {
    const made = (await this.ok("POST", "/containers/create", {
      Image: "busybox",
      Cmd: command,
      HostConfig: hostConfig,
    })) as { readonly Id: string };
    await this.ok("POST", `/containers/${made.Id}/start`);
    return made.Id;
  }

  async remove(ids: readonly string[], atOnce: number): Promise<void> {
    await inParallel(ids, atOnce, async (id) => {
      await this.ok("DELETE", `/containers/${id}?force=1&v=1`);
    });
  }

  /** Runs a command in a container, to its end; gives its exit code. */
  async exec(id: string, command: readonly string[]): Promise<number> {
    const made = (await this.ok("POST", `/containers/${id}/exec`, {
      Cmd: command,
      AttachStdout: true,
    })) as { readonly Id: string };
    const started = await this.call("POST", `/exec/${made.Id}/start`, { Detach: false });
    if (started.status !== 200) throw new Error(`exec: ${started.status} ${started.body}`);
    const ended = (await this.ok("GET", `/exec/${made.Id}/json`)) as { readonly ExitCode: number };
    return ended.ExitCode;
  }

  [Symbol.dispose](): void {
    this.agent.destroy();
  }
}

/** Works on `items`, `width` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const pending = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of pending) await work(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}
