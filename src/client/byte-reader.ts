import { DuetError } from "../kit/errors.ts";
import type { Connection } from "./connection.ts";

/** Pulls bytes from a socket on demand; what is not asked for stays in the kernel (backpressure). */
export class ByteReader {
  private readonly socket: Connection;
  private pending: Buffer | null = null;
  private failure: Error | null = null;
  private ended = false;
  private wake: (() => void) | null = null;

  constructor(socket: Connection) {
    this.socket = socket;
    socket.on("readable", this.onChange);
    socket.on("end", this.onEnd);
    socket.on("close", this.onEnd);
    socket.on("error", this.onError);
  }

  /** The next bytes, at most `limit` of them, or null at the end. Rejects with the socket's error. */
  async some(limit = Number.POSITIVE_INFINITY): Promise<Buffer | null> {
    for (;;) {
      const chunk = this.pending ?? (this.socket.read() as Buffer | null);
      this.pending = null;
      if (chunk !== null) {
        if (chunk.length <= limit) return chunk;
        this.pending = chunk.subarray(limit);
        return chunk.subarray(0, limit);
      }
      if (this.failure !== null) throw this.failure;
      if (this.ended) return null;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Bytes up to and without `mark`. Throws `corrupt` when it does not come within `limit` bytes. */
  async until(mark: string, limit: number): Promise<Buffer> {
    let collected: Buffer = Buffer.alloc(0);
    for (;;) {
      const chunk = await this.some();
      if (chunk === null) throw connectionLost();
      const from = Math.max(0, collected.length - mark.length);
      collected = collected.length === 0 ? chunk : Buffer.concat([collected, chunk]);
      const at = collected.indexOf(mark, from, "latin1");
      if (at >= 0) {
        this.putBack(collected.subarray(at + mark.length));
        return collected.subarray(0, at);
      }
      if (collected.length > limit) {
        throw new DuetError(
          "corrupt",
          "RESPONSE_TOO_LONG",
          `the daemon sent a head over ${limit} bytes`,
        );
      }
    }
  }

  private putBack(rest: Buffer): void {
    if (rest.length === 0) return;
    this.pending = this.pending === null ? rest : Buffer.concat([rest, this.pending]);
  }

  /** Gives the socket back as an ordinary stream, with what was read too far put in front. */
  release(): Connection {
    this.socket.off("readable", this.onChange);
    this.socket.off("end", this.onEnd);
    this.socket.off("close", this.onEnd);
    this.socket.off("error", this.onError);
    if (this.pending !== null) this.socket.unshift(this.pending);
    this.pending = null;
    return this.socket;
  }

  private readonly onChange = (): void => {
    const wake = this.wake;
    this.wake = null;
    wake?.();
  };

  private readonly onEnd = (): void => {
    this.ended = true;
    this.onChange();
  };

  private readonly onError = (error: Error): void => {
    this.failure = error;
    this.onChange();
  };
}

export function connectionLost(): DuetError {
  return new DuetError(
    "unavailable",
    "CONNECTION_LOST",
    "the daemon closed the connection in mid-answer",
    {
      hint: "look at the daemon's log, then try again",
    },
  );
}
