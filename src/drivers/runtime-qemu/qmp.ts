import { connect, Socket } from "node:net";
import { race } from "../../kit/abort.ts";
import { connectHanding } from "../../kit/descriptors.ts";
import { DuetError } from "../../kit/errors.ts";

/** An answer or event is at most this long; QEMU's are a few hundred bytes. */
const maximumLine = 1 << 20;

/** An asynchronous message of QEMU, such as MIGRATION with its status. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** One connection to QEMU's monitor (QMP: docs/interop/qmp-spec.rst); commands are answered in order. */
export class Qmp {
  private readonly socket: Socket;
  private readonly waiting: Waiting[] = [];
  private readonly listeners = new Set<(event: QmpEvent) => void>();
  private text = "";
  private ended: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.take(chunk));
    socket.on("error", (error) => this.end(error));
    socket.on("close", () => this.end(undefined));
  }

  /** Connects to the socket at `path` and leaves negotiation mode. Throws `unavailable` QMP_LOST. */
  static async open(path: string, signal: AbortSignal): Promise<Qmp> {
    const qmp = new Qmp(connect(path));
    try {
      await qmp.execute("qmp_capabilities", {}, signal);
      return qmp;
    } catch (error) {
      qmp.close();
      throw error;
    }
  }

  /** As `open`, and gives QEMU a copy of a descriptor under a name, for a later command of this connection. */
  static async openHanding(
    path: string,
    handed: { readonly name: string; readonly descriptor: number },
    signal: AbortSignal,
  ): Promise<Qmp> {
    const commands = [
      { execute: "qmp_capabilities" },
      { execute: "getfd", arguments: { fdname: handed.name } },
    ];
    const text = commands.map((command) => `${JSON.stringify(command)}\n`).join("");
    const fd = connectHanding(path, Buffer.from(text), handed.descriptor);
    const qmp = new Qmp(new Socket({ fd, readable: true, writable: true }));
    try {
      await Promise.all(commands.map(({ execute }) => qmp.answerTo(execute, signal)));
      return qmp;
    } catch (error) {
      qmp.close();
      throw error;
    }
  }

  /** Throws `internal` QMP_FAILED with QEMU's own words. */
  async execute(command: string, options: object, signal: AbortSignal): Promise<unknown> {
    if (this.ended !== undefined) throw this.ended;
    this.socket.write(`${JSON.stringify({ execute: command, arguments: options })}\n`);
    return await this.answerTo(command, signal);
  }

  private async answerTo(command: string, signal: AbortSignal): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.waiting.push({ command, resolve, reject });
    promise.catch(() => undefined);
    return await race(promise, signal);
  }

  /** Resolves at the next event that `wanted` accepts; subscribe before the command that causes it. */
  async event(wanted: (event: QmpEvent) => boolean, signal: AbortSignal): Promise<QmpEvent> {
    if (this.ended !== undefined) throw this.ended;
    const { promise, resolve, reject } = Promise.withResolvers<QmpEvent>();
    const listener = (event: QmpEvent): void => {
      if (wanted(event)) resolve(event);
    };
    const lost = (): void => reject(this.ended);
    this.listeners.add(listener);
    this.socket.once("close", lost);
    promise.catch(() => undefined);
    try {
      return await race(promise, signal);
    } finally {
      this.listeners.delete(listener);
      this.socket.off("close", lost);
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private take(chunk: string): void {
    this.text += chunk;
    for (let end = this.text.indexOf("\n"); end >= 0; end = this.text.indexOf("\n")) {
      const line = this.text.slice(0, end);
      this.text = this.text.slice(end + 1);
      if (line.trim() !== "") this.message(line);
    }
    if (this.text.length > maximumLine) this.end(new Error("QEMU sent a line without an end"));
  }

  private message(line: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch (cause) {
      this.end(cause instanceof Error ? cause : undefined);
      return;
    }
    if (typeof parsed !== "object" || parsed === null) return;
    if ("event" in parsed) {
      const data = "data" in parsed && typeof parsed.data === "object" ? { ...parsed.data } : {};
      for (const listener of this.listeners) listener({ name: String(parsed.event), data });
    } else if ("return" in parsed) {
      this.waiting.shift()?.resolve(parsed.return);
    } else if ("error" in parsed) {
      const waiting = this.waiting.shift();
      waiting?.reject(refused(waiting.command, parsed.error));
    }
  }

  private end(cause: Error | undefined): void {
    if (this.ended !== undefined) return;
    this.ended = new DuetError("unavailable", "QMP_LOST", "QEMU's monitor has ended", { cause });
    this.socket.destroy();
    for (const waiting of this.waiting.splice(0)) waiting.reject(this.ended);
  }
}

/** Asks the monitor at `path` on a connection of its own. */
export async function withMonitor<T>(
  path: string,
  ask: (qmp: Qmp) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const qmp = await Qmp.open(path, signal);
  try {
    return await ask(qmp);
  } finally {
    qmp.close();
  }
}

function refused(command: string, error: unknown): DuetError {
  const text =
    typeof error === "object" && error !== null && "desc" in error
      ? String(error.desc)
      : JSON.stringify(error);
  return new DuetError("internal", "QMP_FAILED", `QEMU refused ${command}: ${text.slice(0, 1000)}`);
}
