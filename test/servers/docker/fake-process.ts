import type { AttachedStreams, ExitRecord, OutputChunk } from "../../../src/domain/process.ts";

/** A queue that one reader drains. */
export class ChunkQueue implements AsyncIterable<OutputChunk> {
  private readonly chunks: OutputChunk[] = [];
  private ended = false;
  private wake: () => void = () => undefined;

  push(stream: OutputChunk["stream"], data: string | Uint8Array): void {
    this.chunks.push({ stream, data: Buffer.from(data) });
    this.wake();
  }

  end(): void {
    this.ended = true;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk> {
    for (;;) {
      const chunk = this.chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** Stands in for a process: `echo`, `warn` (echo on stderr), `cat`, `exit N`, or something that stays. */
export class FakeProcess {
  readonly exited: Promise<ExitRecord>;
  readonly received: Buffer[] = [];
  readonly output = new ChunkQueue();
  /** How the last attached client left, if it did. */
  detached = false;
  inputClosed = false;
  private readonly argv: readonly string[];
  private readonly settle: (exit: ExitRecord) => void;

  constructor(argv: readonly string[]) {
    this.argv = argv;
    const { promise, resolve } = Promise.withResolvers<ExitRecord>();
    this.exited = promise;
    this.settle = resolve;
  }

  run(): void {
    const [name, ...args] = this.argv;
    if (name === "echo") this.output.push("stdout", `${args.join(" ")}\n`);
    if (name === "warn") this.output.push("stderr", `${args.join(" ")}\n`);
    if (name === "echo" || name === "warn") this.exit(0);
    if (name === "exit") this.exit(Number(args[0]));
  }

  exit(code: number): void {
    this.output.end();
    this.settle({ code, outOfMemory: false, exitedAt: Date.now() });
  }

  streams(): AttachedStreams {
    return {
      output: this.output,
      write: async (data) => {
        this.received.push(Buffer.from(data));
        if (this.argv[0] === "cat") this.output.push("stdout", data);
      },
      closeInput: async () => {
        this.inputClosed = true;
        if (this.argv[0] === "cat") this.exit(0);
      },
      detach: () => {
        this.detached = true;
        this.output.end();
      },
    };
  }
}
