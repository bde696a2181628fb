import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageRecord } from "../../domain/image.ts";
import {
  isForeignLayer,
  manifestKind,
  maximumManifestBytes,
  parseManifestParts,
} from "../../domain/manifest.ts";
import { isAttestation } from "../../domain/platform.ts";
import type { EngineContext } from "../context.ts";
import type { Downloads, Wanting } from "./downloads.ts";
import { imageOfEntry } from "./index-parts.ts";
import { namedEntries } from "./named-parts.ts";
import type { Pull } from "./pull.ts";
import { StoreRoom } from "./store-room.ts";

/**
 * Brings everything else that an index names into the content store, as it is: other platforms, which
 * are unpacked when they are first needed, and attestations. Gives the images among it.
 */
export async function fetchRest(
  context: EngineContext,
  downloads: Downloads,
  pull: Pull,
  target: Descriptor,
): Promise<readonly ImageRecord[]> {
  const images: ImageRecord[] = [];
  for (const entry of (await namedEntries(context, target)) ?? []) {
    // An index in an index is none that anything makes today; it is left where it is.
    if (manifestKind(entry.mediaType) !== "manifest") continue;
    await fetchEntry(context, downloads, pull, entry);
    if (!isAttestation(entry)) images.push(await imageOfEntry(context, entry));
  }
  return images;
}

async function fetchEntry(
  context: EngineContext,
  downloads: Downloads,
  { reference, options, lease, signal, source, tally }: Pull,
  entry: Descriptor,
): Promise<void> {
  await lease.hold([entry.digest], []);
  if ((await context.content.size(entry.digest)) === undefined) {
    // An index may have thousands of them, of 4 MiB each.
    using _room = await StoreRoom.for(context, [entry]);
    const bytes = await context.registry.manifest(reference, entry, options.auth, signal);
    await context.content.write(bytes, entry);
  }
  const bytes = await context.content.read(entry.digest, maximumManifestBytes);
  const { config, layers } = parseManifestParts(bytes, entry.mediaType);
  const wanted = new Map<Digest, Descriptor>();
  for (const blob of [config, ...layers])
    if (!isForeignLayer(blob.mediaType)) wanted.set(blob.digest, blob);
  await lease.hold([...wanted.keys()], []);
  using _room = await StoreRoom.for(context, [...wanted.values()]);
  const controller = new AbortController();
  const both = AbortSignal.any([signal, controller.signal]);
  const coming = [...wanted.values()].map((blob) => {
    const wanting: Wanting = {
      source,
      open: (from) => context.registry.blob(reference, blob, from, options.auth, both),
      report: (progress) => options.progress({ kind: "layer", progress }),
      tally,
    };
    return downloads.fetch(blob, wanting, both);
  });
  try {
    await Promise.all(coming);
  } catch (error) {
    controller.abort(error);
    await Promise.allSettled(coming);
    throw error;
  }
}
