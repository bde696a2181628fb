import type { Digest } from "../../domain/digest.ts";
import type { StagedLayer } from "../../domain/snapshot.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { Pipe } from "../../kit/pipe.ts";
import type { EngineContext } from "../context.ts";
import { StoreRoom } from "./store-room.ts";
import { Turns } from "../../kit/turns.ts";

/** Layers of an archive unpacked at a time, while it comes. */
const parallel = 2;

/** Layers that are unpacked while the archive comes, before it is known what they belong to. */
export class LoadLayers implements AsyncDisposable {
  private readonly context: EngineContext;
  private readonly signal: AbortSignal;
  private readonly turns = new Turns(parallel);
  private readonly staged: StagedLayer[] = [];
  /** Why nothing more fits. */
  private failure: unknown;

  constructor(context: EngineContext, signal: AbortSignal) {
    this.context = context;
    this.signal = signal;
  }

  /** Takes a file on as soon as one of those before it is unpacked. */
  readonly watch = async (blob: Pipe, blobDigest: Promise<Digest>): Promise<void> => {
    const { directory } = this.context.snapshotters;
    const started = Promise.withResolvers<void>();
    const running = this.turns.run(this.signal, async () => {
      try {
        using room = await StoreRoom.for(this.context);
        started.resolve();
        const request = { blob, blobDigest, progress: this.within(room) };
        const layer = directory.stage?.(request, this.signal);
        if (layer !== undefined) this.staged.push(layer);
        await layer?.diffId;
        await room.settle();
      } catch (error) {
        // Why it is no layer shows where an image wants it to be one.
        if (isDuetError(error, "exhausted")) this.failure ??= error;
      } finally {
        started.resolve();
        blob.close();
      }
    });
    running.catch((error: unknown) => started.reject(error));
    await started.promise;
    if (this.failure !== undefined) throw this.failure;
  };

  /**
   * By the digest of their tar; those that could not be unpacked are left out. Throws where one did
   * not fit.
   */
  async all(): Promise<ReadonlyMap<Digest, StagedLayer>> {
    const layers = new Map<Digest, StagedLayer>();
    for (const layer of this.staged) {
      const diffId = await layer.diffId.catch(() => undefined);
      if (diffId !== undefined) layers.set(diffId, layer);
    }
    if (this.failure !== undefined) throw this.failure;
    return layers;
  }

  private within(room: StoreRoom): (bytes: number) => void {
    // A blob takes no more than what comes out of it, or hardly.
    return (bytes) => room.unpackedTo(undefined, bytes * 2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const layer of this.staged) await layer[Symbol.asyncDispose]();
  }
}
