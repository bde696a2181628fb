import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageRecord } from "../../domain/image.ts";
import {
  chainIds,
  checkLayerCount,
  maximumManifestBytes,
  parseImageConfig,
  parseManifest,
} from "../../domain/manifest.ts";
import type { PhaseTally } from "../../domain/pull-phases.ts";
import type { PullProgress } from "../../domain/registry.ts";
import type { StagedLayer } from "../../domain/snapshot.ts";
import type { EngineContext } from "../context.ts";
import type { Lease } from "./lease.ts";
import { StoreRoom } from "./store-room.ts";

/** What an image consists of, read from its manifest and config, which are in the content store. */
export interface ImageParts {
  readonly manifest: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly record: Omit<ImageRecord, "size">;
  readonly chains: readonly Digest[];
}

export async function readParts(context: EngineContext, manifest: Descriptor): Promise<ImageParts> {
  const parsed = parseManifest(
    await context.content.read(manifest.digest, maximumManifestBytes),
    manifest.mediaType,
  );
  const config = parseImageConfig(
    await context.content.read(parsed.config.digest, maximumManifestBytes),
  );
  checkLayerCount(parsed.layers, config.diffIds);
  return {
    manifest,
    layers: parsed.layers,
    chains: chainIds(config.diffIds),
    record: {
      id: parsed.config.digest,
      manifest,
      layers: parsed.layers,
      diffIds: config.diffIds,
      platform: config.platform,
      created: config.created,
      author: config.author,
      process: config.process,
      history: config.history,
    },
  };
}

/** Unpacks the layers of an image, all at once as far as they may be, and gives its record. */
export async function unpackImage(
  context: EngineContext,
  parts: ImageParts,
  lease: Lease,
  options: {
    /** A layer's bytes, where they are not in the content store yet. */
    open?(layer: Descriptor): AsyncIterable<Buffer>;
    progress(event: PullProgress): void;
    /** What was unpacked of a layer already, by the digest of its tar. */
    staged?(diffId: Digest): StagedLayer | undefined;
    readonly tally?: PhaseTally;
  },
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { directory } = context.snapshotters;
  await lease.hold([], parts.chains);
  using room = await StoreRoom.for(context, parts.layers);
  const chainOf = new Map(parts.layers.map(({ digest }, index) => [digest, parts.chains[index]]));
  const sizes = new Map<Digest, number>();
  await directory.unpack(
    {
      layers: parts.layers,
      diffIds: parts.record.diffIds,
      chains: parts.chains,
      open: async (layer) => options.open?.(layer) ?? (await context.content.stream(layer.digest)),
      progress: (layer, unpacked) => {
        room.unpackedTo(chainOf.get(layer.digest), unpacked);
        sizes.set(layer.digest, unpacked);
        options.progress({ layer, phase: "unpacking", current: unpacked, total: layer.size });
      },
      staged: (index) => {
        const diffId = parts.record.diffIds[index];
        return diffId === undefined ? undefined : options.staged?.(diffId);
      },
      ...(options.tally === undefined ? {} : { tally: options.tally }),
    },
    signal,
  );
  await room.settle();
  let size = 0;
  for (const [index, layer] of parts.layers.entries()) {
    const chain = parts.chains[index];
    const stored = chain === undefined ? undefined : await directory.committedSize(chain);
    size += stored ?? sizes.get(layer.digest) ?? layer.size;
    options.progress({ layer, phase: "done", current: layer.size, total: layer.size });
  }
  return { ...parts.record, size };
}
