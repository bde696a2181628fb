import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import { StoreRoom } from "../images/store-room.ts";
import { topOf } from "./layer-stack.ts";

/** The entry of a key, where all that it stands for is still there; `hold` keeps it so from before that is looked at. */
export async function findCached(
  context: EngineContext,
  key: Digest,
  hold: (entry: BuildCacheEntry) => void,
): Promise<BuildCacheEntry | undefined> {
  const entry = context.store.buildCache.get(key);
  if (entry === undefined || entry.kind !== "regular") return undefined;
  hold(entry);
  const top = topOf(entry);
  const isUnpacked = top !== null && (await context.snapshotters.directory.has(top));
  if (!isUnpacked && !(await hasBlobs(context, entry))) return undefined;
  return entry;
}

/** Notes a use of entries, all in one transaction; what a loss of power takes of that makes them seem older. */
export function noteUses(context: EngineContext, keys: readonly Digest[]): void {
  if (keys.length === 0) return;
  const usedAt = Date.now();
  context.store.transaction(() => {
    for (const key of keys) {
      const entry = context.store.buildCache.get(key);
      if (entry === undefined) continue;
      context.store.buildCache.put({ ...entry, usedAt, useCount: entry.useCount + 1 });
    }
  }, "soon");
}

async function hasBlobs(context: EngineContext, entry: BuildCacheEntry): Promise<boolean> {
  for (const layer of entry.layers) {
    if ((await context.content.size(layer.digest)) === undefined) return false;
  }
  return true;
}

/**
 * Makes sure that layers are unpacked: those of a cache entry that a power cut took, or of one that stands on
 * other layers than it was made on.
 */
export async function ensureStack(
  context: EngineContext,
  stack: Pick<BuildCacheEntry, "layers" | "diffIds">,
  signal: AbortSignal,
): Promise<void> {
  const top = topOf(stack);
  const { directory } = context.snapshotters;
  if (top === null || (await directory.has(top))) return;
  const { layers, diffIds } = stack;
  const chains = chainIds(diffIds);
  const open = async (layer: { readonly digest: Digest }) =>
    await context.content.stream(layer.digest);
  using room = await StoreRoom.for(context);
  const chainOf = new Map(layers.map(({ digest }, index) => [digest, chains[index]]));
  const progress = ({ digest }: Descriptor, bytes: number): void =>
    room.unpackedTo(chainOf.get(digest), bytes);
  await directory.unpack({ layers, diffIds, chains, open, progress }, signal);
  await room.settle();
}
