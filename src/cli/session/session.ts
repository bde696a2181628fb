import type { Attachment } from "../../client/attachment.ts";
import { writeOut, type Terminal } from "../terminal/terminal.ts";
import { DetachFilter } from "./detach-keys.ts";

export interface SessionOptions {
  /** The workload has a terminal: raw bytes, raw mode, resizes. */
  readonly terminal: boolean;
  /** Our standard input goes to the workload. */
  readonly input: boolean;
  readonly detachKeys: Buffer;
  /** Tells the daemon the size of our terminal. */
  resize(rows: number, columns: number): Promise<void>;
}

export type SessionEnd = "ended" | "detached";

/**
 * Connects our standard streams with a workload's until its output ends or the detach keys are
 * typed. Sets raw mode where both sides have a terminal and restores it in every case.
 */
export class Session implements Disposable {
  private readonly terminal: Terminal;
  private readonly attachment: Attachment;
  private readonly options: SessionOptions;
  private readonly detached = Promise.withResolvers<"detached">();
  private readonly onResize = (): void => void this.sendSize();
  private raw = false;

  constructor(terminal: Terminal, attachment: Attachment, options: SessionOptions) {
    this.terminal = terminal;
    this.attachment = attachment;
    this.options = options;
  }

  /** Resolves when the streams are done. Input goes on being sent until then. */
  async run(): Promise<SessionEnd> {
    if (this.options.input) this.startInput();
    const output = this.copyOutput();
    try {
      return await Promise.race([output, this.detached.promise]);
    } finally {
      output.catch(() => undefined);
      this[Symbol.dispose]();
    }
  }

  /** Call once the workload runs: a size sent before has no terminal to go to. */
  followSize(): void {
    if (!this.options.terminal || !this.terminal.outputIsTerminal) return;
    this.terminal.output.on("resize", this.onResize);
    void this.sendSize();
  }

  [Symbol.dispose](): void {
    this.terminal.output.off("resize", this.onResize);
    const { input } = this.terminal;
    if (this.raw && "setRawMode" in input) input.setRawMode(false);
    this.raw = false;
    if (this.options.input) {
      input.removeAllListeners("data").removeAllListeners("end");
      input.pause();
      if ("unref" in input) input.unref();
    }
    this.attachment[Symbol.dispose]();
  }

  private async copyOutput(): Promise<"ended"> {
    for await (const { stream, bytes } of this.attachment.output(this.options.terminal)) {
      const target = stream === "stderr" ? this.terminal.errors : this.terminal.output;
      if (!(await writeOut(target, bytes))) break;
    }
    return "ended";
  }

  private startInput(): void {
    const { input, inputIsTerminal } = this.terminal;
    if (inputIsTerminal && this.options.terminal && "setRawMode" in input) {
      input.setRawMode(true);
      this.raw = true;
    }
    const filter = new DetachFilter(inputIsTerminal ? this.options.detachKeys : Buffer.alloc(0));
    input.on("data", (chunk: Buffer) => void this.send(filter, chunk));
    input.once("end", () => this.attachment.endInput());
  }

  private async send(filter: DetachFilter, chunk: Buffer): Promise<void> {
    const { bytes, detached } = filter.pass(chunk);
    const { input } = this.terminal;
    if (bytes.length > 0) {
      input.pause();
      if (await this.attachment.write(bytes)) input.resume();
    }
    if (detached) this.detached.resolve("detached");
  }

  /** A workload that has just ended cannot be resized: that is no error of ours. */
  private async sendSize(): Promise<void> {
    await this.options.resize(this.terminal.rows(), this.terminal.columns()).catch(() => undefined);
  }
}
