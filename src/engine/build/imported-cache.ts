import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import { isDigest, type Digest } from "../../domain/digest.ts";
import type { Platform } from "../../domain/image.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { BaseImage, BaseImages } from "./base-images.ts";

/** Field of an image's configuration: the keys of the steps that made its layers, "" for those of its base. */
const keysField = "duet.build.keys.v1";
const maximumConfig = 4 << 20;

/** The configuration with what a later build needs to take the layers over. */
export function withLayerKeys(config: Buffer, keys: readonly (Digest | null)[]): Buffer {
  const fields = JSON.parse(config.toString("utf8")) as object;
  return Buffer.from(JSON.stringify({ ...fields, [keysField]: keys.map((key) => key ?? "") }));
}

/**
 * Results that images bring with them, by key. They are for the one build that asked for them: who made such an
 * image says what its keys stand for, which must not become the truth for everybody.
 */
export async function importCache(
  context: EngineContext,
  images: BaseImages,
  references: readonly string[],
  platform: Platform,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, BuildCacheEntry>> {
  const entries = new Map<Digest, BuildCacheEntry>();
  for (const reference of references) {
    try {
      const image = await images.get(reference, platform, signal);
      for (const entry of await entriesOf(context, image)) entries.set(entry.key, entry);
    } catch (error) {
      // As in Docker: without it the build takes longer.
      if (signal.aborted) throw error;
      context.log.info("build-cache-not-imported", { reference, error });
    }
  }
  return entries;
}

async function entriesOf(
  context: EngineContext,
  { record }: BaseImage,
): Promise<readonly BuildCacheEntry[]> {
  const bytes = await context.content.read(record.id, maximumConfig);
  const value = parseStrictJson(bytes, "the configuration", { maximumBytes: maximumConfig });
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
