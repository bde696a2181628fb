import { statfs } from "node:fs/promises";
import { never } from "../../kit/abort.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import { collectGarbage } from "../images/collect.ts";
import type { BuildCacheRecord, CachePrune } from "./build.ts";
import { cacheFilter } from "./cache-filter.ts";
import { collectCacheMounts } from "./cache-mounts.ts";
import { cacheItems, cacheSize, type CacheItem } from "./cache-records.ts";
import { inPruneOrder, leavesFirst } from "./prune-order.ts";

/**
 * Removes what is cached and not in use, as BuildKit chooses: what others stand on goes after them, and stays with them.
 * What images have too is not freed by it. Throws `invalid` FILTER_INVALID.
 */
export async function pruneCache(
  context: EngineContext,
  request: CachePrune,
  signal: AbortSignal,
): Promise<{ readonly deleted: readonly BuildCacheRecord[]; readonly reclaimed: number }> {
  const matches = cacheFilter(request.filters, "prune");
  // One at a time: what two had chosen both would count as freed.
  return await context.objectLocks.run("prune of the build cache", signal, async () => {
    const removed = await remove(context, await choose(context, request, matches));
    if (removed.length === 0) return { deleted: [], reclaimed: 0 };
    await failpoint("build.pruned");
    await collectCacheMounts(context, false);
    const freed = await collectGarbage(context);
    const sum = (items: readonly CacheItem[]): number =>
      items.reduce((total, { record }) => total + record.size, 0);
    const layers = removed.filter((item) => item.kind === "entry" && item.entry.kind === "regular");
    const unshared = layers.filter(({ record }) => !record.shared);
    return {
      deleted: removed.map(({ record }) => record),
      reclaimed: sum(removed) - sum(layers) + (freed ?? sum(unshared)),
    };
  });
}

/** Those that went: entries that a build has come to since they were chosen stay. */
async function remove(
  context: EngineContext,
  chosen: readonly CacheItem[],
): Promise<readonly CacheItem[]> {
  const { builds, store } = context;
  const free = chosen.filter((item) => item.kind !== "entry" || !builds.isUsed(item.entry.key));
  if (free.length === 0) return free;
  store.transaction(() => {
    for (const item of free) if (item.kind === "entry") store.buildCache.delete(item.entry.key);
  });
  for (const item of free) {
    if (item.kind === "context") await context.contexts.remove(item.key, never);
    if (item.kind === "url") await context.buildSources?.remove(item.url);
  }
  return free;
}

/** In the order in which they go. */
async function choose(
  context: EngineContext,
  request: CachePrune,
  matches: (record: BuildCacheRecord) => boolean,
): Promise<readonly CacheItem[]> {
  const items = await cacheItems(context);
  const oldest = request.unusedFor === null ? null : Date.now() - request.unusedFor;
  const isWanted = ({ record }: CacheItem): boolean =>
    !record.inUse &&
    (request.all || !record.shared) &&
    (oldest === null || record.usedAt <= oldest) &&
    matches(record);
  let total = items.reduce((sum, item) => sum + ownSize(item), 0);
  const keepBytes = await bytesToKeep(context, request, total);
  if (keepBytes !== null && total <= keepBytes) return [];
  const removable = leavesFirst(items, isWanted);
  if (keepBytes === null) return removable;
  const chosen: CacheItem[] = [];
  for (const item of inPruneOrder(removable)) {
    if (total <= keepBytes) break;
    chosen.push(item);
    total -= ownSize(item);
  }
  return chosen;
}

/** Bytes that are not an image's as well. */
function ownSize({ record }: CacheItem): number {
  return record.shared ? 0 : record.size;
}

/** As much as the request lets the cache have; null where it does not say. */
async function bytesToKeep(
  context: EngineContext,
  { reservedSpace, maximumUsedSpace, minimumFreeSpace }: CachePrune,
  total: number,
): Promise<number | null> {
  if (reservedSpace === 0 && maximumUsedSpace === 0 && minimumFreeSpace === 0) return null;
  let keep = maximumUsedSpace;
  if (minimumFreeSpace !== 0) {
    const { bavail, bsize } = await statfs(context.settings.dataRoot);
    const missing = minimumFreeSpace - bavail * bsize;
    const limit = missing > 0 ? total - missing : total;
    keep = keep === 0 ? limit : Math.min(keep, limit);
  }
  return Math.max(keep, reservedSpace);
}

/** Part of the disk that the cache may have. */
const part = 0.1;

/** Keeps the cache within its part of the disk; what fails now is done after the next build. */
export function limitCache(context: EngineContext): void {
  const limit = async (): Promise<void> => {
    const { blocks, bsize } = await statfs(context.settings.dataRoot);
    const maximumUsedSpace = Math.floor(blocks * bsize * part);
    const isOver = (await cacheSize(context)) > maximumUsedSpace;
    const request = { ...everything, maximumUsedSpace };
    const deleted = isOver ? (await pruneCache(context, request, never)).deleted : [];
    if (deleted.length === 0 && context.builds.takeReplaced()) await collectGarbage(context);
  };
  limit().catch((error: unknown) => context.log.warn("build-cache-not-limited", { error }));
}

const everything: CachePrune = {
  ...{ filters: [], all: true, unusedFor: null },
  ...{ reservedSpace: 0, maximumUsedSpace: 0, minimumFreeSpace: 0 },
};
