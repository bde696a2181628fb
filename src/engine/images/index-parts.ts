import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageName, ImageRecord } from "../../domain/image.ts";
import { manifestKind } from "../../domain/manifest.ts";
import { isAttestation } from "../../domain/platform.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { readParts } from "./assemble.ts";
import { namedEntries, namedParts } from "./named-parts.ts";
import { isComplete } from "./push-plan.ts";

/** The manifests that an index names and that are here with all their blobs. */
async function presentEntries(
  context: EngineContext,
  index: Descriptor,
): Promise<readonly Descriptor[]> {
  const present: Descriptor[] = [];
  for (const entry of (await namedEntries(context, index)) ?? []) {
    if (manifestKind(entry.mediaType) !== "manifest") continue;
    if (await isComplete(context, entry)) present.push(entry);
  }
  return present;
}

/** Digests of an index and of everything of it that is here. */
export async function digestsOfIndex(
  context: EngineContext,
  index: Descriptor,
): Promise<readonly Digest[]> {
  const digests = [index.digest];
  for (const entry of await presentEntries(context, index)) {
    const parts = await namedParts(context, entry);
    if (parts === undefined) continue;
    digests.push(entry.digest, parts.config.digest, ...parts.layers.map(({ digest }) => digest));
  }
  return digests;
}

/** The images of an index that are here, not unpacked but for those that were before. Other artifacts are left out. */
export async function imagesOfIndex(
  context: EngineContext,
  index: Descriptor,
): Promise<readonly ImageRecord[]> {
  const images: ImageRecord[] = [];
  for (const entry of await presentEntries(context, index)) {
    if (isAttestation(entry)) continue;
    try {
      images.push(await imageOfEntry(context, entry));
    } catch (error) {
      if (!isDuetError(error, "unsupported")) throw error;
    }
  }
  return images;
}

/** Not unpacked yet, so what it takes is not known but for what came. */
export async function imageOfEntry(
  context: EngineContext,
  entry: Descriptor,
): Promise<ImageRecord> {
  const { record, layers } = await readParts(context, entry);
  const known = context.store.images.get(record.id);
  return known ?? { ...record, size: layers.reduce((sum, layer) => sum + layer.size, 0) };
}

/** The name with every image that came of its index. */
export function nameOfAll(name: ImageName, images: readonly ImageRecord[]): ImageName {
  const variants = images.map(({ id }) => id).filter((id) => id !== name.image);
  return variants.length === 0 ? name : { ...name, variants: [...new Set(variants)] };
}

/** The index of a name, where more of it is here than one image, or all of it. */
export async function indexToSave(
  context: EngineContext,
  name: ImageName | null,
): Promise<Descriptor | undefined> {
  if (name === null || manifestKind(name.target.mediaType) !== "index") return undefined;
  const hasMore = (name.variants ?? []).length > 0;
  return hasMore || (await isComplete(context, name.target)) ? name.target : undefined;
}
