import type { AttachedStreams, OutputChunk } from "../../domain/process.ts";

/**
 * Streams that stand for ones to come: writing waits for them, reading begins when they exist.
 * When they never come the output just ends, as at an attach to a container whose start failed.
 */
export class DeferredStreams implements AttachedStreams {
  readonly output: AsyncIterable<OutputChunk>;
  private readonly coming: Promise<AttachedStreams>;
  private readonly giveUp: (reason: string) => void;
  private actual: AttachedStreams | undefined;
  private isDetached = false;

  /** `giveUp` is called when the caller detaches before the streams have come. */
  constructor(coming: Promise<AttachedStreams>, giveUp: (reason: string) => void) {
    this.coming = coming;
    this.giveUp = giveUp;
    this.output = this.read();
    coming.then(
      (streams) => {
        this.actual = streams;
        if (this.isDetached) streams.detach();
      },
      () => undefined,
    );
  }

  private async *read(): AsyncGenerator<OutputChunk> {
    const streams = await this.coming.catch(() => undefined);
    if (streams !== undefined) yield* streams.output;
  }

  async write(data: Uint8Array): Promise<void> {
    const streams = await this.coming.catch(() => undefined);
    await streams?.write(data);
  }

  async closeInput(): Promise<void> {
    const streams = await this.coming.catch(() => undefined);
    await streams?.closeInput();
  }

  detach(): void {
    this.isDetached = true;
    if (this.actual === undefined) this.giveUp("detached before the container ran");
    else this.actual.detach();
  }
}
