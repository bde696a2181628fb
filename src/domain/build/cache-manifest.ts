import { DuetError } from "../../kit/errors.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { isDigest, type Digest } from "../digest.ts";
import type { Descriptor } from "../image.ts";
import { maximumLayers, maximumManifestBytes } from "../manifest.ts";

/*
 * A cache as BuildKit's exporters write it: a manifest whose layers are those of the steps, and whose configuration says which
 * step each is of. Keys are each engine's own: one finds nothing in the other's, and goes on without.
 */

export const cacheConfigType = "application/vnd.buildkit.cacheconfig.v0";

/** The layer that a step has made. */
export interface CachedLayer {
  readonly key: Digest;
  readonly layer: Descriptor;
  readonly diffId: Digest;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** Steps on each other, the lowest first. */
export type CachedChain = readonly CachedLayer[];

interface Listed {
  readonly cached: CachedLayer;
  readonly parent: number;
}

/** The configuration, and the layers in the order that it names them in. */
export function writeCacheConfig(chains: readonly CachedChain[]): {
  readonly config: Buffer;
  readonly layers: readonly Descriptor[];
} {
  const places = new Map<string, number>();
  const listed: Listed[] = [];
  const records = new Map<Digest, { readonly layer: number; readonly createdAt: string }>();
  for (const chain of chains) {
    let parent = -1;
    for (const cached of chain) {
      const name = `${parent} ${cached.layer.digest}`;
      const place = places.get(name) ?? listed.push({ cached, parent }) - 1;
      places.set(name, place);
      records.set(cached.key, { layer: place, createdAt: cached.createdAt });
      parent = place;
    }
  }
  const config = {
    layers: listed.map(({ cached: { layer, diffId, createdAt }, parent }) => ({
      blob: layer.digest,
      parent,
      annotations: { mediaType: layer.mediaType, diffID: diffId, size: layer.size, createdAt },
    })),
    records: [...records].map(([digest, result]) => ({ digest, results: [result] })),
  };
  const layers = new Map(listed.map(({ cached: { layer } }) => [layer.digest, layer]));
  return { config: Buffer.from(JSON.stringify(config)), layers: [...layers.values()] };
}

/** Of all steps: each names one layer, and so all that are below it. */
const mostLayers = 100_000;

/** Throws `invalid` CACHE_INVALID. What stands on something else than layers is left out. */
export function readCacheConfig(bytes: Buffer): readonly CachedChain[] {
  const value = parseStrictJson(bytes, "the build cache", { maximumBytes: maximumManifestBytes });
  const fields = new JsonFields(value, "", invalid);
  const layers = (fields.objects("layers") ?? []).map(readLayer);
  let left = mostLayers;
  return (fields.objects("records") ?? []).flatMap((record): CachedChain[] => {
    const key = record.text("digest");
    const place = record.objects("results")?.[0]?.count("layer");
    if (!isDigest(key) || place === undefined) return [];
    const chain = chainTo(layers, place);
    left -= chain?.length ?? 0;
    if (left < 0) throw invalid(`its steps stand on over ${mostLayers} layers`);
    return chain === undefined ? [] : [chain.map((one) => ({ ...one, key }))];
  });
}

type ReadLayer = Omit<CachedLayer, "key"> & { readonly parent: number };

function readLayer(fields: JsonFields): ReadLayer | undefined {
  const about = fields.object("annotations");
  const digest = fields.text("blob");
  const diffId = about?.text("diffID");
  const size = about?.count("size");
  const mediaType = about?.text("mediaType");
  if (!isDigest(digest) || !isDigest(diffId) || size === undefined || mediaType === undefined) {
    return undefined;
  }
  const parent = fields.value("parent");
  const createdAt = about?.text("createdAt") ?? "";
  return {
    layer: { mediaType, digest, size },
    ...{ diffId, createdAt, parent: typeof parent === "number" ? parent : -1 },
  };
}

/** A layer with those below it, the lowest first; undefined where they are not all there, or more than images have. */
function chainTo(
  layers: readonly (ReadLayer | undefined)[],
  top: number,
): readonly ReadLayer[] | undefined {
  const chain: ReadLayer[] = [];
  for (let place = top; place >= 0;) {
    const layer = layers[place];
    if (layer === undefined || chain.length === maximumLayers) return undefined;
    chain.push(layer);
    place = layer.parent;
  }
  return chain.toReversed();
}

function invalid(why: string): DuetError {
  return new DuetError("invalid", "CACHE_INVALID", `the build cache cannot be read: ${why}`);
}
