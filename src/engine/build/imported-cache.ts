import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import { isDigest, type Digest } from "../../domain/digest.ts";
import {
  cacheConfigType,
  readCacheConfig,
  type CachedChain,
} from "../../domain/build/cache-manifest.ts";
import type { Descriptor, Platform } from "../../domain/image.ts";
import { manifestKind, maximumManifestBytes, parseManifestParts } from "../../domain/manifest.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { GivenImage } from "../image-use-cases.ts";
import type { StageState } from "./stage-run.ts";
import type { BaseImage, BaseImages } from "./base-images.ts";

/** Field of an image's configuration: the keys of the steps that made its layers, "" for those of its base. */
const keysField = "duet.build.keys.v1";

/** The configuration with what a later build needs to take the layers over. */
export function withLayerKeys(config: Buffer, origins: StageState["origins"]): Buffer {
  const fields = JSON.parse(config.toString("utf8")) as object;
  return Buffer.from(
    JSON.stringify({ ...fields, [keysField]: origins.map((origin) => origin?.key ?? "") }),
  );
}

/** A result that comes from elsewhere. */
export interface ImportedEntry {
  readonly entry: BuildCacheEntry;
  /** Brings its layer here; false where that fails, which costs no more than doing the step. */
  bring(signal: AbortSignal): Promise<boolean>;
}

/**
 * Results that images and exported caches bring, by key. They are for the one build that asked for them: who made
 * one says what its keys stand for, which must not become the truth for everybody.
 */
export async function importCache(
  context: EngineContext,
  images: BaseImages,
  sources: readonly (string | GivenImage)[],
  platform: Platform,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, ImportedEntry>> {
  const found = sources.map(async (source) => {
    try {
      return await imported(context, images, source, platform, signal);
    } catch (error) {
      // As in Docker: without it the build takes longer.
      if (signal.aborted) throw error;
      const reference = typeof source === "string" ? source : source.name;
      context.log.info("build-cache-not-imported", { reference, error });
      return [];
    }
  });
  return new Map((await Promise.all(found)).flat().map((one) => [one.entry.key, one]));
}

async function imported(
  context: EngineContext,
  images: BaseImages,
  source: string | GivenImage,
  platform: Platform,
  signal: AbortSignal,
): Promise<readonly ImportedEntry[]> {
  const given = typeof source === "string" ? await images.remote(source, signal) : source;
  const manifest = given === null ? null : await images.read(given, given.target, signal);
  const config = given === null ? null : configOf(manifest!, given.target.mediaType);
  if (given !== null && config?.mediaType === cacheConfigType) {
    const chains = readCacheConfig(await images.read(given, config, signal));
    return chains.map((chain) => entryOf(context, images, given, chain));
  }
  const image = await images.get(source, platform, signal);
  const bring = async (): Promise<boolean> => true;
  return (await entriesOf(context, image)).map((entry) => ({ entry, bring }));
}

function configOf(manifest: Buffer, mediaType: string): Descriptor | null {
  return manifestKind(mediaType) === "manifest"
    ? parseManifestParts(manifest, mediaType).config
    : null;
}

function entryOf(
  context: EngineContext,
  images: BaseImages,
  given: GivenImage,
  chain: CachedChain,
): ImportedEntry {
  const { key, layer, createdAt } = chain.at(-1)!;
  const at = Date.parse(createdAt) || Date.now();
  return {
    entry: {
      ...{ key, kind: "regular", description: `imported from ${given.name}`, parents: [] },
      layers: chain.map((one) => one.layer),
      diffIds: chain.map((one) => one.diffId),
      ...{ size: 0, createdAt: at, usedAt: at, useCount: 0 },
    },
    bring: async (signal) => {
      try {
        await images.bring(given, layer, signal);
        return true;
      } catch (error) {
        if (signal.aborted) throw error;
        context.log.info("build-cache-not-imported", { reference: given.name, error });
        return false;
      }
    },
  };
}

async function entriesOf(
  context: EngineContext,
  { record }: BaseImage,
): Promise<readonly BuildCacheEntry[]> {
  const bytes = await context.content.read(record.id, maximumManifestBytes);
  const value = parseStrictJson(bytes, "the configuration", { maximumBytes: maximumManifestBytes });
  const invalid = (why: string): DuetError =>
    new DuetError("invalid", "IMAGE_CONFIG_INVALID", `the image's configuration: ${why}`);
  const keys = new JsonFields(value, "", invalid).texts(keysField) ?? [];
  const times = record.history.filter(({ emptyLayer }) => !emptyLayer);
  return keys.flatMap((key, index): BuildCacheEntry[] => {
    if (!isDigest(key) || index >= record.layers.length) return [];
    const at = Date.parse(times[index]?.created ?? "") || 0;
    return [
      {
        ...{ key, kind: "regular", description: `imported from ${record.id}`, parents: [] },
        layers: record.layers.slice(0, index + 1),
        diffIds: record.diffIds.slice(0, index + 1),
        ...{ size: 0, createdAt: at, usedAt: at, useCount: 0 },
      },
    ];
  });
}
