import type { PhaseTally } from "../../domain/pull-phases.ts";
import { startLaps } from "../../kit/laps.ts";

/**
 * Tells what the unpacking of a layer spends its time on: at each moment it either waits for the blob, for
 * what comes out of that, or is busy with the files.
 */
export class UnpackClock {
  private readonly tally: PhaseTally | undefined;
  private readonly lap = startLaps();
  private wantsBlob = false;
  private wantsTar = false;

  constructor(tally: PhaseTally | undefined) {
    this.tally = tally;
  }

  /** The blob's bytes: the time in which nothing can be done for want of them is nobody's. */
  async *blob(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    yield* this.watched(source, (isWanted) => (this.wantsBlob = isWanted));
  }

  /** What comes out of the blob. */
  async *tar(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    yield* this.watched(source, (isWanted) => (this.wantsTar = isWanted));
  }

  /** Runs a part of the verification of `bytes`. */
  verify(bytes: number, work: () => void): void {
    this.settle();
    work();
    this.tally?.spend("verify", this.lap(), bytes);
  }

  /** Bytes of the tar, on their way to the files. */
  passed(bytes: number, wasCompressed: boolean): void {
    if (wasCompressed) this.tally?.spend("decompress", 0, bytes);
    this.tally?.spend("write", 0, bytes);
  }

  /** Takes down what was since the last change. Call it at the end, too. */
  settle(): void {
    const elapsed = this.lap();
    if (!this.wantsTar) this.tally?.spend("write", elapsed, 0);
    else if (!this.wantsBlob) this.tally?.spend("decompress", elapsed, 0);
  }

  private async *watched(
    source: AsyncIterable<Buffer>,
    note: (isWanted: boolean) => void,
  ): AsyncGenerator<Buffer, void, void> {
    const change = (isWanted: boolean): void => {
      this.settle();
      note(isWanted);
    };
    change(true);
    try {
      for await (const chunk of source) {
        change(false);
        yield chunk;
        change(true);
      }
    } finally {
      change(false);
    }
  }
}
