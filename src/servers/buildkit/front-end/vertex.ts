import type { BuildEvent } from "../../../domain/build/event.ts";
import { digestOf, type Digest } from "../../../domain/digest.ts";
import { toDuetError } from "../../../kit/errors.ts";

/** What can be told of a part of the build while it runs. */
export interface PartProgress {
  readonly digest: Digest;
  /** Tells how far something is; `end` says that it is done. */
  status(id: string, current: number, end: boolean): void;
}

/** Runs a part of the build that the server does itself, and tells its beginning and end under `name`. */
export async function runPart<T>(
  tell: (event: BuildEvent) => void,
  name: string,
  identity: string,
  work: (progress: PartProgress) => Promise<T>,
): Promise<T> {
  const vertex = digestOf(`${identity}\0${name}`);
  const startedAt = Date.now();
  const say = (completedAt: number | null, error: string): void =>
    tell({
      kind: "vertex",
      vertex,
      name,
      inputs: [],
      cached: false,
      startedAt,
      completedAt,
      error,
    });
  const begun = new Map<string, number>();
  say(null, "");
  try {
    const value = await work({
      digest: vertex,
      status: (id, current, end) => {
        const since = begun.get(id) ?? Date.now();
        begun.set(id, since);
        const completedAt = end ? Date.now() : null;
        tell({ kind: "status", vertex, id, current, total: 0, startedAt: since, completedAt });
      },
    });
    say(Date.now(), "");
    return value;
  } catch (error) {
    say(Date.now(), toDuetError(error).message);
    throw error;
  }
}

/** Milliseconds between two lines about the same transfer. */
const statusInterval = 100;

/** Counts bytes of a transfer, and tells of them now and then. */
export class TransferStatus {
  private readonly progress: PartProgress;
  private readonly id: string;
  private bytes = 0;
  private toldAt = performance.now();

  constructor(progress: PartProgress, id: string) {
    this.progress = progress;
    this.id = id;
  }

  readonly add = (bytes: number): void => {
    this.bytes += bytes;
    const now = performance.now();
    if (now - this.toldAt < statusInterval) return;
    this.toldAt = now;
    this.progress.status(this.id, this.bytes, false);
  };

  end(): void {
    this.progress.status(this.id, this.bytes, true);
  }
}
