import type { Descriptor, ImageRecord } from "../../domain/image.ts";
import { mediaTypes, type ImageConfig } from "../../domain/manifest.ts";
import { layerMediaType, writeImageConfig, writeManifest } from "../../domain/write-image.ts";
import type { EngineContext } from "../context.ts";
import { readParts, unpackImage } from "./assemble.ts";
import type { StoredLayer } from "./store-layer.ts";

/** A tar without members. */
const emptyTar = 1_024;

/** What a new image is made of besides its description: one more layer over those of `below`. */
export interface NewImage {
  readonly description: Omit<ImageConfig, "history" | "diffIds">;
  /** What is said of the new layer; the layers below keep their own words. */
  readonly step: Pick<ImageConfig["history"][number], "createdBy" | "author" | "comment">;
  readonly below: Pick<ImageRecord, "manifest" | "layers" | "diffIds" | "history"> | null;
  readonly layer: StoredLayer;
}

/**
 * Writes an image's config and manifest, unpacks what is new of it, and gives its record, not yet stored. An
 * empty layer is told in the history only, as in Docker. Call it with the collection kept from running.
 */
export async function writeImage(
  context: EngineContext,
  { description, step, below, layer }: NewImage,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const emptyLayer = layer.size === emptyTar;
  const kind = below?.manifest.mediaType === mediaTypes.dockerManifest ? "docker" : "oci";
  const own: Descriptor = { mediaType: layerMediaType(kind), ...layer.descriptor };
  const config = writeImageConfig({
    ...description,
    history: [...(below?.history ?? []), { created: description.created, ...step, emptyLayer }],
    diffIds: [...(below?.diffIds ?? []), ...(emptyLayer ? [] : [layer.diffId])],
  });
  const manifest = writeManifest(
    { digest: await context.content.write(config), size: config.length },
    [...(below?.layers ?? []), ...(emptyLayer ? [] : [own])],
    kind,
  );
  const digest = await context.content.write(manifest);
  const mediaType = kind === "docker" ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const parts = await readParts(context, { mediaType, digest, size: manifest.length });
  const silent = { ready: async () => undefined, progress: () => undefined };
  return await unpackImage(context, parts, { hold: async () => undefined }, silent, signal);
}
