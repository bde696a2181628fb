import type { Descriptor, ImageRecord } from "../../domain/image.ts";
import {
  manifestKind,
  maximumManifestBytes,
  parseIndex,
  parseManifest,
  selectPlatform,
} from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import type { GivenImage, TakeOptions } from "../image-use-cases.ts";
import { readParts } from "./assemble.ts";
import type { Downloads, Wanting } from "./downloads.ts";
import { fetchSmall, fetchLayers, type Fetch } from "./fetch.ts";
import type { Lease } from "./lease.ts";
import { StoreRoom } from "./store-room.ts";

/** Brings an image that somebody gives, unpacked, for as long as the lease holds it: no list shows it. */
export async function takeImage(
  context: EngineContext,
  downloads: Downloads,
  given: GivenImage,
  options: TakeOptions,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { lease, platform, progress } = options;
  const fetch: Fetch = {
    ...{ lease, signal, progress, source: given },
    blob: async (blob, offset, until) => await given.blob(blob, offset, until),
  };
  const { target } = given;
  await fetchSmall(context, fetch, target);
  let manifest = target;
  if (manifestKind(target.mediaType) === "index") {
    const bytes = await context.content.read(target.digest, maximumManifestBytes);
    manifest = selectPlatform(parseIndex(bytes, target.mediaType).manifests, platform);
    await fetchSmall(context, fetch, manifest);
  }
  const bytes = await context.content.read(manifest.digest, maximumManifestBytes);
  await fetchSmall(context, fetch, parseManifest(bytes, manifest.mediaType).config);
  return await fetchLayers(context, downloads, fetch, await readParts(context, manifest));
}

/** Throws `exhausted` STORE_LIMIT. */
export async function bringBlob(
  context: EngineContext,
  downloads: Downloads,
  given: GivenImage,
  blob: Descriptor,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  await lease.hold([blob.digest], []);
  using _room = await StoreRoom.for(context, [blob]);
  const wanting: Wanting = {
    source: given,
    open: async (offset) => await given.blob(blob, offset, signal),
    report: () => undefined,
  };
  await downloads.fetch(blob, wanting, signal);
}
