import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageName, ImageRecord } from "../../domain/image.ts";
import { manifestKind } from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import { namedEntries, namedParts } from "./named-parts.ts";
import { isComplete } from "./push-plan.ts";

/*
 * Names of one image, that is of one configuration, may have its layers packed differently: with gzip
 * under one, with zstd under another. The record tells one manifest; the one of a name is what its
 * target leads to.
 */

/** A manifest that a name leads to, which is here, with what it consists of. */
interface NamedManifest {
  readonly manifest: Descriptor;
  readonly config: Digest;
  readonly layers: readonly Descriptor[];
}

/** The image with the manifest and layers that `name` has it by, where all of them are here. */
export async function asNamed(
  context: EngineContext,
  image: ImageRecord,
  name: ImageName | null,
): Promise<ImageRecord> {
  if (name === null) return image;
  const entries = await entriesOf(context, name.target);
  if (entries.some(({ digest }) => digest === image.manifest.digest)) return image;
  for (const { manifest, config, layers } of await readEntries(context, entries)) {
    if (config !== image.id || !(await isComplete(context, manifest))) continue;
    return { ...image, manifest, layers };
  }
  return image;
}

/** What names of `images` have them by, other than their records do. */
export async function otherManifests(
  context: EngineContext,
  name: ImageName,
  images: ReadonlyMap<Digest, ImageRecord>,
): Promise<readonly NamedManifest[]> {
  const own = [name.image, ...(name.variants ?? [])].flatMap((id) => images.get(id) ?? []);
  const told = new Set(own.map(({ manifest }) => manifest.digest));
  const others = (await entriesOf(context, name.target)).filter(({ digest }) => !told.has(digest));
  const ids = new Set(own.map(({ id }) => id));
  return (await readEntries(context, others)).filter(({ config }) => ids.has(config));
}

/** The image whose manifest this is, where it is here as such or as one that a name has. */
export async function imageByManifest(
  context: EngineContext,
  descriptor: Descriptor,
): Promise<ImageRecord | undefined> {
  const { images } = context.store;
  const told = images.list().find(({ manifest }) => manifest.digest === descriptor.digest);
  if (told !== undefined) return told;
  for (const { manifest, config, layers } of await readEntries(context, [descriptor])) {
    const image = images.get(config);
    if (image !== undefined && (await isComplete(context, manifest)))
      return { ...image, manifest, layers };
  }
  return undefined;
}

/** Lets records take over the manifest of a name that is left where no name has theirs any more. */
export async function tellNamedManifests(context: EngineContext): Promise<void> {
  const { images, imageNames } = context.store;
  const names = new Map<Digest, ImageName[]>();
  for (const name of imageNames.list()) {
    for (const id of [name.image, ...(name.variants ?? [])])
      names.set(id, [...(names.get(id) ?? []), name]);
  }
  for (const [id, own] of names) {
    const image = images.get(id);
    if (image === undefined) continue;
    const named: ImageRecord[] = [];
    for (const name of own) named.push(await asNamed(context, image, name));
    const [first] = named;
    if (first === undefined || named.includes(image) || images.get(id) !== image) continue;
    images.put(first);
  }
}

async function entriesOf(
  context: EngineContext,
  target: Descriptor,
): Promise<readonly Descriptor[]> {
  if (manifestKind(target.mediaType) !== "index") return [target];
  return (await namedEntries(context, target)) ?? [];
}

async function readEntries(
  context: EngineContext,
  entries: readonly Descriptor[],
): Promise<readonly NamedManifest[]> {
  const found: NamedManifest[] = [];
  for (const manifest of entries) {
    const parts = await namedParts(context, manifest);
    if (parts !== undefined)
      found.push({ manifest, config: parts.config.digest, layers: parts.layers });
  }
  return found;
}
