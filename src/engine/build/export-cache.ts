import {
  cacheConfigType,
  writeCacheConfig,
  type CachedChain,
} from "../../domain/build/cache-manifest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { mediaTypes } from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import { withLease } from "../images/lease.ts";
import type { BuildResult } from "./build.ts";
import type { StageState } from "./stage-run.ts";

/** Writes a cache's manifest, and keeps it with all that it names until `take` has put it elsewhere. */
export async function exportCache(
  context: EngineContext,
  results: readonly BuildResult[],
  { all }: { readonly all: boolean },
  take: (target: Descriptor, blobs: readonly Descriptor[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { config, layers } = writeCacheConfig(results.flatMap((result) => result.steps(all)));
  await withLease(context, async (lease) => {
    const { target, parts } = await context.collection.keep(signal, async () => {
      const digest = await context.content.write(config);
      const about: Descriptor = { mediaType: cacheConfigType, digest, size: config.length };
      const manifest = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: mediaTypes.ociManifest,
          config: about,
          layers,
        }),
      );
      const written: Descriptor = {
        mediaType: mediaTypes.ociManifest,
        digest: await context.content.write(manifest),
        size: manifest.length,
      };
      const named = [...layers, about, written];
      await lease.hold(
        named.map((one) => one.digest),
        [],
      );
      return { target: written, parts: named };
    });
    await take(target, parts);
  });
}

/** What the steps of a stage have made. Layers of its base come from elsewhere. */
export function chainOf({ stack, origins }: StageState): CachedChain {
  return origins.flatMap((origin, index) => {
    const [layer, diffId] = [stack.layers[index], stack.diffIds[index]];
    if (origin === null || layer === undefined || diffId === undefined) return [];
    const { mediaType, digest, size } = layer;
    const createdAt = new Date(origin.createdAt).toISOString();
    return [{ key: origin.key, layer: { mediaType, digest, size }, diffId, createdAt }];
  });
}
