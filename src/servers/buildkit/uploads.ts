import { race, withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";

/** Milliseconds that a build waits for the request that carries its context. */
const uploadTimeout = 10_000;

interface Upload {
  readonly source: AsyncIterable<Uint8Array>;
  readonly read: () => void;
}

const maximumUploads = 64;

/** Contexts that come by a request of their own, until the builds that they are for take them. */
export class UploadTable {
  private readonly open = new Map<string, PromiseWithResolvers<Upload>>();

  /** Until a build has read all of it. */
  async give(
    buildId: string,
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
    const meeting = this.meeting(buildId);
    meeting.resolve({ source, read });
    await race(isRead, signal).finally(() => this.open.delete(buildId));
  }

  async take(buildId: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const limited = withDeadline(signal, uploadTimeout, "the context's upload");
    const { source, read } = await race(this.meeting(buildId).promise, limited);
    return (async function* () {
      try {
        yield* source;
      } finally {
        read();
      }
    })();
  }

  private meeting(buildId: string): PromiseWithResolvers<Upload> {
    const found = this.open.get(buildId);
    if (found !== undefined) return found;
    if (this.open.size >= maximumUploads || buildId === "" || buildId.length > 128) {
      throw new DuetError("exhausted", "UPLOADS_FULL", "too many contexts are being uploaded");
    }
    const made = Promise.withResolvers<Upload>();
    made.promise.catch(() => undefined);
    this.open.set(buildId, made);
    return made;
  }
}
