import type { Connection } from "./connection.ts";
import { demultiplex, plainOutput, type OutputPiece } from "./output-frames.ts";
import type { Hijacked } from "./transport.ts";
import type { ResponseHead } from "./http-wire.ts";

/** True when the daemon says that the bytes are a terminal's and not multiplexed. */
export function outputIsPlain(head: ResponseHead): boolean {
  return head.headers.get("content-type") === "application/vnd.docker.raw-stream";
}

/**
 * The streams of an attached process. `output()` can be read once; the attachment ends when it ends.
 * Since `application/vnd.docker.raw-stream` is also what older servers say for multiplexed streams,
 * who knows better (the container's `Tty`) passes `terminal`.
 */
export class Attachment implements Disposable {
  readonly socket: Connection;
  private readonly head: Hijacked;
  private failure: Error | null = null;

  constructor(hijacked: Hijacked) {
    this.head = hijacked;
    this.socket = hijacked.socket;
    this.socket.on("error", (error: Error) => (this.failure = error));
  }

  async *output(terminal?: boolean): AsyncGenerator<OutputPiece, void, undefined> {
    const plain = terminal ?? outputIsPlain(this.head);
    try {
      yield* plain ? plainOutput(this.socket) : demultiplex(this.socket);
    } catch (error) {
      if (!this.socket.destroyed || this.failure !== null) throw this.failure ?? error;
      throw error;
    }
  }

  /** Writes to the process's input; resolves when more may be written. False once the stream is gone. */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (!this.socket.writable) return false;
    if (this.socket.write(bytes)) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.socket.once("drain", resolve);
    this.socket.once("close", resolve);
    await promise;
    this.socket.off("drain", resolve);
    this.socket.off("close", resolve);
    return this.socket.writable;
  }

  /** End of input; output goes on. */
  endInput(): void {
    this.socket.end();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
