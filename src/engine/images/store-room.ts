import type { Digest } from "../../domain/digest.ts";
import type { ChainId, Descriptor } from "../../domain/image.ts";
import type { Snapshotter } from "../../domain/snapshot.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { collectGarbage } from "./collect.ts";

/** What is stored of images and of builds' layers, each once. Bytes. */
interface Stored {
  readonly blobs: ReadonlyMap<Digest, number>;
  /** Unpacked, without those below. */
  readonly layers: ReadonlyMap<ChainId, number>;
}

export async function storedNow({ content, snapshotters }: EngineContext): Promise<Stored> {
  const blobs = new Map<Digest, number>();
  for await (const { digest, size } of content.list()) blobs.set(digest, size);
  return { blobs, layers: await committedSizes(snapshotters.directory) };
}

/** Bytes of what a snapshotter has committed. */
export async function committedSizes(
  snapshotter: Snapshotter,
): Promise<ReadonlyMap<ChainId, number>> {
  const sizes = new Map<ChainId, number>();
  for (const chain of (await snapshotter.list()).committed)
    sizes.set(chain, await snapshotter.committedSize(chain));
  return sizes;
}

/** Bytes that images take: blobs as they came, layers unpacked, and what steps of builds are writing. */
async function storeUse(context: EngineContext): Promise<number> {
  const { blobs, layers } = await storedNow(context);
  return sum(blobs.values()) + sum(layers.values()) + sum(context.builds.written.values());
}

export function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}

/** What is left of the daemon's limit for images, for one piece of work. */
export class StoreRoom {
  private readonly limit: number;
  /** With what is coming. */
  private readonly used: number;
  /** Bytes by layer that were unpacked so far. */
  private readonly unpacked = new Map<string, number>();

  private constructor(limit: number, used: number) {
    this.limit = limit;
    this.used = used;
  }

  /**
   * Throws `exhausted` STORE_LIMIT where blobs that are coming would go beyond the limit. Costs nothing without one.
   */
  static async for(context: EngineContext, coming: readonly Descriptor[] = []): Promise<StoreRoom> {
    const { storeLimit } = context.settings;
    if (storeLimit === 0) return new StoreRoom(0, 0);
    const used = (await storeUse(context)) + (await missingBytes(context, coming));
    const room = new StoreRoom(storeLimit, used);
    room.check();
    return room;
  }

  /** So many bytes of a layer are unpacked now. Throws as `for` does. */
  unpackedTo(layer: string, bytes: number): void {
    if (this.limit === 0) return;
    this.unpacked.set(layer, bytes);
    this.check();
  }

  /** Bytes; meaningless without a limit. */
  get left(): number {
    return this.limit - this.total;
  }

  private get total(): number {
    return this.used + sum(this.unpacked.values());
  }

  private check(): void {
    if (this.limit === 0) return;
    const { total } = this;
    if (total <= this.limit) return;
    throw new DuetError(
      "exhausted",
      "STORE_LIMIT",
      `images would take ${total} bytes, over the limit of ${this.limit} that this daemon has`,
      {
        hint: "remove images that nobody uses (`duet image prune`), or raise the daemon's storeLimit",
      },
    );
  }
}

/** Runs `work`; where there was no room for it, what it leaves is collected at once and not some day. */
export async function freeingWhatIsLeft<T>(
  context: EngineContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isDuetError(error, "exhausted")) await collectGarbage(context).catch(() => undefined);
    throw error;
  }
}

/** Bytes of those that are not here yet. */
async function missingBytes(context: EngineContext, blobs: readonly Descriptor[]): Promise<number> {
  const missing = new Map<Digest, number>();
  for (const { digest, size } of blobs)
    if ((await context.content.size(digest)) === undefined) missing.set(digest, size);
  return sum(missing.values());
}
