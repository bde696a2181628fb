import { statfs } from "node:fs/promises";
import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import { digestHex, type Digest } from "../../domain/digest.ts";
import { chainIds } from "../../domain/manifest.ts";
import { never } from "../../kit/abort.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import { collectGarbage } from "../images/collect.ts";
import type { BuildCacheRecord } from "./build.ts";
import { collectCacheMounts } from "./cache-mounts.ts";
import { topOf } from "./layer-stack.ts";

/** The cache as clients see it, the newest use first. */
export function cacheRecords(context: EngineContext): readonly BuildCacheRecord[] {
  const inImages = new Set(context.store.images.list().flatMap((image) => chainIds(image.diffIds)));
  return context.store.buildCache
    .list()
    .map((entry) => recordOf(context, entry, inImages))
    .toSorted((one, other) => other.usedAt - one.usedAt);
}

function recordOf(
  context: EngineContext,
  entry: BuildCacheEntry,
  inImages: ReadonlySet<Digest>,
): BuildCacheRecord {
  const { kind, description, createdAt, usedAt, useCount } = entry;
  const top = topOf(entry);
  // As BuildKit counts: what is unpacked, and the layer as it would be sent.
  const size = entry.size + (entry.layers.at(-1)?.size ?? 0);
  return {
    id: idOf(entry.key),
    parents: entry.parents.map(idOf),
    inUse: context.builds.isUsed(entry.key),
    shared: top !== null && inImages.has(top),
    ...{ kind, description, size, createdAt, usedAt, useCount },
  };
}

/** BuildKit's ids have 25 characters of base 36. */
function idOf(key: Digest): string {
  return BigInt(`0x${digestHex(key)}`)
    .toString(36)
    .slice(0, 25);
}

/**
 * Removes entries that are not in use, the least recently used first, as long as there is more than `keepBytes`.
 * What images have too is not freed by it.
 */
export async function pruneCache(
  context: EngineContext,
  keep: (record: BuildCacheRecord) => boolean,
  options: { readonly keepBytes: number },
  signal: AbortSignal,
): Promise<{ readonly deleted: readonly string[]; readonly reclaimed: number }> {
  signal.throwIfAborted();
  const records = cacheRecords(context).toReversed();
  const keys = new Map(context.store.buildCache.list().map(({ key }) => [idOf(key), key]));
  let total = records.reduce((sum, record) => sum + record.size, 0);
  const deleted: string[] = [];
  let layers = 0;
  let others = 0;
  context.store.transaction(() => {
    for (const record of records) {
      if (options.keepBytes > 0 && total <= options.keepBytes) break;
      if (record.inUse || keep(record)) continue;
      context.store.buildCache.delete(keys.get(record.id)!);
      deleted.push(record.id);
      total -= record.size;
      if (record.kind === "regular") layers += record.shared ? 0 : record.size;
      else others += record.size;
    }
  });
  if (deleted.length === 0) return { deleted, reclaimed: 0 };
  await failpoint("build.pruned");
  await collectCacheMounts(context, false);
  const freed = await collectGarbage(context);
  return { deleted, reclaimed: others + (freed ?? layers) };
}

/** Part of the disk that the cache may have. */
const part = 0.1;

/** Keeps the cache within its part of the disk; what fails now is done after the next build. */
export function limitCache(context: EngineContext): void {
  const limit = async (): Promise<void> => {
    const { blocks, bsize } = await statfs(context.settings.dataRoot);
    const keepBytes = Math.floor(blocks * bsize * part);
    const total = cacheRecords(context).reduce((sum, { size }) => sum + size, 0);
    if (total > keepBytes) await pruneCache(context, () => false, { keepBytes }, never);
    else if (context.builds.takeReplaced()) await collectGarbage(context);
  };
  limit().catch((error: unknown) => context.log.warn("build-cache-not-limited", { error }));
}
