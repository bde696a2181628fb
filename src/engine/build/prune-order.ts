import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { CacheItem } from "./cache-records.ts";

/**
 * Those that are wanted, each before what its layers stand on. What something that stays stands on stays as well: its layer
 * would free nothing.
 */
export function leavesFirst(
  items: readonly CacheItem[],
  isWanted: (item: CacheItem) => boolean,
): readonly CacheItem[] {
  const below = belowOf(items);
  const kept = new Set<CacheItem>();
  const byDepth = items.toSorted((one, other) => depthOf(other) - depthOf(one));
  return byDepth.filter((item) => {
    const goes = isWanted(item) && !kept.has(item);
    if (!goes) for (const each of below.get(item) ?? []) kept.add(each);
    return goes;
  });
}

/**
 * The least used and longest unused first, both of the same weight, as BuildKit has it; yet none before what stands on it.
 * `items` come in such an order.
 */
export function inPruneOrder(items: readonly CacheItem[]): readonly CacheItem[] {
  const byTime = rankOf(items, ({ record }) => record.usedAt);
  const byCount = rankOf(items, ({ record }) => record.useCount);
  const ranks = new Map(items.map((item) => [item, byTime(item) + byCount(item)]));
  for (const [item, below] of belowOf(items)) {
    for (const each of below) ranks.set(each, Math.max(ranks.get(each)!, ranks.get(item)!));
  }
  return items.toSorted((one, other) => ranks.get(one)! - ranks.get(other)!);
}

/** Of those that came earlier in the order of a value, as a part of one. */
function rankOf(
  items: readonly CacheItem[],
  valueOf: (item: CacheItem) => number,
): (item: CacheItem) => number {
  const values = [...new Set(items.map(valueOf))].toSorted((one, other) => one - other);
  const places = new Map(values.map((value, index) => [value, (index + 1) / values.length]));
  return (item) => places.get(valueOf(item))!;
}

function depthOf(item: CacheItem): number {
  return item.kind === "entry" ? item.entry.diffIds.length : 0;
}

/** What the layers of each stand on, among these. */
function belowOf(items: readonly CacheItem[]): ReadonlyMap<CacheItem, readonly CacheItem[]> {
  const byId = new Map(items.map((item) => [item.record.id, item]));
  return new Map(
    items.map((item) => {
      const parents = item.record.parents.map((id) => byId.get(id));
      return [item, parents.filter((each) => each !== undefined && standsOn(item, each))];
    }),
  ) as ReadonlyMap<CacheItem, readonly CacheItem[]>;
}

function standsOn(item: CacheItem, other: CacheItem): boolean {
  if (item.kind !== "entry" || other.kind !== "entry") return false;
  const own: BuildCacheEntry["diffIds"] = item.entry.diffIds;
  const { diffIds } = other.entry;
  return (
    diffIds.length > 0 &&
    diffIds.length < own.length &&
    diffIds.every((each, index) => each === own[index])
  );
}
