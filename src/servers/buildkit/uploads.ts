import { race, withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";

/** Milliseconds that a build waits for the request that carries its context. */
const uploadTimeout = 10_000;

interface Upload {
  readonly source: AsyncIterable<Uint8Array>;
  readonly read: () => void;
}

interface Meeting extends PromiseWithResolvers<Upload> {
  isGiven: boolean;
}

const maximumUploads = 64;

/** Contexts that come by a request of their own, until the builds that they are for take them. */
export class UploadTable {
  private readonly open = new Map<string, Meeting>();

  /** Until a build has read all of it. Throws `conflict` UPLOAD_EXISTS, `exhausted` UPLOADS_FULL. */
  async give(
    buildId: string,
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const { promise: isRead, resolve: read } = Promise.withResolvers<void>();
    const meeting = this.meeting(buildId);
    if (meeting.isGiven) {
      throw new DuetError("conflict", "UPLOAD_EXISTS", "the build's context is uploaded already");
    }
    meeting.isGiven = true;
    meeting.resolve({ source, read });
    await race(isRead, signal).finally(() => this.leave(buildId, meeting));
  }

  /** Throws `timeout` where nobody gives it, `exhausted` UPLOADS_FULL. */
  async take(buildId: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const limited = withDeadline(signal, uploadTimeout, "the context's upload");
    const meeting = this.meeting(buildId);
    const { source, read } = await race(meeting.promise, limited).finally(() => {
      if (!meeting.isGiven) this.leave(buildId, meeting);
    });
    return (async function* () {
      try {
        yield* source;
      } finally {
        read();
      }
    })();
  }

  private meeting(buildId: string): Meeting {
    const found = this.open.get(buildId);
    if (found !== undefined) return found;
    if (this.open.size >= maximumUploads || buildId === "" || buildId.length > 128) {
      throw new DuetError("exhausted", "UPLOADS_FULL", "too many contexts are being uploaded");
    }
    const made = { ...Promise.withResolvers<Upload>(), isGiven: false };
    made.promise.catch(() => undefined);
    this.open.set(buildId, made);
    return made;
  }

  private leave(buildId: string, meeting: Meeting): void {
    if (this.open.get(buildId) === meeting) this.open.delete(buildId);
  }
}
