import { randomUUID } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";
import type { ChainId, Descriptor } from "../../domain/image.ts";
import type { Snapshotter } from "../../domain/snapshot.ts";
import { never } from "../../kit/abort.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { collectGarbage } from "./collect.ts";
import type { StoreClaim } from "./store-claims.ts";

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

export function sum(sizes: Iterable<number>): number {
  let total = 0;
  for (const size of sizes) total += size;
  return total;
}

/**
 * What is left of the daemon's limit for images, for one piece of work, until it is disposed. What others store meanwhile
 * counts, too. Costs nothing without a limit.
 */
export class StoreRoom implements Disposable {
  private readonly context: EngineContext;
  private readonly claim: StoreClaim;
  /** Of what has no name yet. */
  private readonly ownKey = randomUUID();
  /** What the store held when it was looked at, with all that was claimed then. */
  private used = 0;
  private grownThen = 0;
  /** What this work alone has claimed since. */
  private ownSince = 0;
  private looking: Promise<void> | undefined;
  private refusal: unknown;

  private constructor(context: EngineContext) {
    this.context = context;
    this.claim = context.storeClaims.open();
  }

  /** Throws `exhausted` STORE_LIMIT where blobs that are coming would go beyond the limit. */
  static async for(context: EngineContext, coming: readonly Descriptor[] = []): Promise<StoreRoom> {
    const room = new StoreRoom(context);
    if (context.settings.storeLimit === 0) return room;
    try {
      await context.storeClaims.asking.run(never, async () => {
        for (const { digest, size } of coming) room.claim.take(digest, size);
        await room.look();
      });
      room.check();
    } catch (error) {
      room[Symbol.dispose]();
      throw error;
    }
    return room;
  }

  /**
   * So many bytes of a layer are unpacked now; `chain` is its name in the store, where it is known. Throws as `for` does,
   * where others have taken the room a moment later, so that `settle` has the last word.
   */
  unpackedTo(chain: string | undefined, bytes: number): void {
    if (this.limit === 0) return;
    const before = this.context.storeClaims.grown;
    this.claim.take(chain ?? this.ownKey, bytes);
    this.ownSince += this.context.storeClaims.grown - before;
    this.check();
  }

  /** Throws where the work and what others stored beside it went beyond the limit. Call it when all is unpacked. */
  async settle(): Promise<void> {
    if (this.limit === 0) return;
    this.check();
    await this.looking;
    this.check();
  }

  /** Bytes; meaningless without a limit. */
  get left(): number {
    return this.limit - this.used;
  }

  [Symbol.dispose](): void {
    this.claim[Symbol.dispose]();
  }

  private get limit(): number {
    return this.context.settings.storeLimit;
  }

  private check(): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.refuseBeyond(this.used + this.ownSince);
    // Of what others have claimed since some may be gone again.
    const atMost = this.used + this.context.storeClaims.grown - this.grownThen;
    if (atMost <= this.limit || this.looking !== undefined) return;
    this.looking = this.lookAgain().finally(() => (this.looking = undefined));
  }

  private async lookAgain(): Promise<void> {
    try {
      await this.look();
      this.refuseBeyond(this.used);
    } catch (error) {
      this.refusal = error;
    }
  }

  private async look(): Promise<void> {
    const { storeClaims, builds } = this.context;
    const claims = new Map<string, number>(storeClaims.now());
    const { blobs, layers } = await storedNow(this.context);
    // What was claimed at the beginning may be stored since, and not be among what was seen.
    for (const [key, bytes] of storeClaims.now()) claims.set(key, bytes);
    const stored: ReadonlyMap<string, number>[] = [blobs, layers];
    for (const key of claims.keys()) if (stored.some((names) => names.has(key))) claims.delete(key);
    this.used = sum([...stored, claims, builds.written].map((sizes) => sum(sizes.values())));
    this.grownThen = storeClaims.grown;
    this.ownSince = 0;
  }

  private refuseBeyond(total: number): void {
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
