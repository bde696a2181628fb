import { createHash } from "node:crypto";
import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { KeptContext } from "../../domain/build/files.ts";
import type { KeptUrl } from "../../domain/build/sources.ts";
import { digestHex, type Digest } from "../../domain/digest.ts";
import { chainIds } from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import type { BuildCacheRecord } from "./build.ts";
import { topOf } from "./layer-stack.ts";

/** Something that builds have left for the next, and where it is. */
export type CacheItem = { readonly record: BuildCacheRecord } & (
  | { readonly kind: "entry"; readonly entry: BuildCacheEntry }
  | { readonly kind: "context"; readonly key: string }
  | { readonly kind: "url"; readonly url: string }
);

/** All that is cached, the newest use first. */
export async function cacheItems(context: EngineContext): Promise<readonly CacheItem[]> {
  const inImages = new Set(context.store.images.list().flatMap((image) => chainIds(image.diffIds)));
  const urls = (await context.buildSources?.list()) ?? [];
  const items: readonly CacheItem[] = [
    ...context.store.buildCache.list().map((entry) => itemOfEntry(context, entry, inImages)),
    ...context.contexts.list().map(itemOfContext),
    ...urls.map(itemOfUrl),
  ];
  return items.toSorted((one, other) => other.record.usedAt - one.record.usedAt);
}

/** The cache as clients see it, the newest use first. */
export async function cacheRecords(context: EngineContext): Promise<readonly BuildCacheRecord[]> {
  return (await cacheItems(context)).map(({ record }) => record);
}

/** Bytes of all that is cached, with what images have as well. Of thousands of entries it asks no more than a sum. */
export async function cacheSize(context: EngineContext): Promise<number> {
  const urls = (await context.buildSources?.list()) ?? [];
  const sizes = [
    ...context.store.buildCache.list().map(sizeOfEntry),
    ...[...context.contexts.list(), ...urls].map(({ size }) => size),
  ];
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** As BuildKit counts: what is unpacked, and the layer as it would be sent. */
function sizeOfEntry({ size, layers }: BuildCacheEntry): number {
  return size + (layers.at(-1)?.size ?? 0);
}

function itemOfEntry(
  context: EngineContext,
  entry: BuildCacheEntry,
  inImages: ReadonlySet<Digest>,
): CacheItem {
  const { kind, description, createdAt, usedAt, useCount } = entry;
  const top = topOf(entry);
  const size = sizeOfEntry(entry);
  const record = {
    id: idOf(digestHex(entry.key)),
    parents: entry.parents.map((key) => idOf(digestHex(key))),
    isMutable: kind !== "regular",
    inUse: context.builds.isUsed(entry.key),
    shared: top !== null && inImages.has(top),
    ...{ kind, description, size, createdAt, usedAt, useCount },
  };
  return { kind: "entry", entry, record };
}

function itemOfContext({ key, isUsed, ...kept }: KeptContext): CacheItem {
  const record = {
    ...kept,
    ...{ id: idOfText(key), parents: [], isMutable: true, inUse: isUsed, shared: false },
  };
  return { kind: "context", key, record };
}

function itemOfUrl({ url, ...kept }: KeptUrl): CacheItem {
  const { size, createdAt, usedAt, useCount } = kept;
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "xxxxx";
  const record = {
    ...({ id: idOfText(url), parents: [], kind: "regular", isMutable: false } as const),
    ...{ inUse: false, shared: false, description: `http url ${shown.href}` },
    ...{ size, createdAt, usedAt, useCount },
  };
  return { kind: "url", url, record };
}

function idOfText(text: string): string {
  return idOf(createHash("sha256").update(text).digest("hex"));
}

/** BuildKit's ids have 25 characters of base 36. */
function idOf(hex: string): string {
  return BigInt(`0x${hex}`).toString(36).slice(0, 25);
}
