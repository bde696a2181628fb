import { isDeepStrictEqual } from "node:util";
import type { ImageName, ImageRecord } from "../../domain/image.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  refuseAmbiguous,
} from "../../domain/reference.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import { readParts, unpackImage } from "../images/assemble.ts";
import { withLease } from "../images/lease.ts";
import type { BuildResult, StoredBuild, StoreOptions, WrittenBuild } from "./build.ts";
import { writeResults, type WrittenResult } from "./write-result.ts";

/** Makes an image of results, and an index where there are several or where attestations are given. */
export async function storeResult(
  context: EngineContext,
  results: readonly BuildResult[],
  options: StoreOptions,
  signal: AbortSignal,
): Promise<StoredBuild> {
  const names = options.names.map(nameOf);
  const stored = await context.collection.keep(signal, async () => {
    const written = await writeResults(context, results, options, signal);
    const images: ImageRecord[] = [];
    for (const manifest of written.manifests) {
      const parts = await readParts(context, manifest);
      const silent = { ready: async () => undefined, progress: () => undefined };
      images.push(
        await unpackImage(context, parts, { hold: async () => undefined }, silent, signal),
      );
    }
    const image = images[written.main]!;
    const target = written.index ?? image.manifest;
    await failpoint("build.written");
    const taggedAt = Date.now();
    const others = images.filter((each) => each !== image).map(({ id }) => id);
    const variants = others.length === 0 ? {} : { variants: others };
    const tags = names.map((name) => ({ name, target, image: image.id, ...variants, taggedAt }));
    const isKnown = images.every(isStored(context)) && tags.every(isTagged(context));
    context.store.transaction(
      () => {
        for (const each of images) context.store.images.put(each);
        for (const tag of tags) context.store.imageNames.put(tag);
      },
      // Of a build without a change a loss of power takes no more than its time.
      isKnown ? "soon" : "now",
    );
    return { image, target };
  });
  await failpoint("build.stored");
  for (const name of names) {
    context.events.publish({
      type: "image",
      action: "tag",
      id: stored.image.id,
      attributes: { name: familiarReference(parseReference(name)) },
    });
  }
  return stored;
}

function isStored({ store }: EngineContext): (image: ImageRecord) => boolean {
  return ({ id, manifest }) => store.images.get(id)?.manifest.digest === manifest.digest;
}

/** Whether the name stands for the same already. */
function isTagged({ store }: EngineContext): (tag: ImageName) => boolean {
  return ({ name, target, image, variants = [] }) => {
    const known = store.imageNames.get(name);
    return (
      known?.target.digest === target.digest &&
      known.image === image &&
      isDeepStrictEqual(known.variants ?? [], variants)
    );
  };
}

/** Gives results as an archive; no image of them stays here. */
export async function archiveResult(
  context: EngineContext,
  results: readonly BuildResult[],
  options: StoreOptions,
  take: (archive: AsyncIterable<Buffer>) => Promise<void>,
  signal: AbortSignal,
): Promise<WrittenBuild> {
  const names = options.names.map(nameOf);
  return await withLease(context, async (lease) => {
    const written = await context.collection.keep(signal, async (): Promise<WrittenResult> => {
      const made = await writeResults(context, results, options, signal);
      await lease.hold(made.blobs, []);
      return made;
    });
    const { manifests, main, index, ids } = written;
    const manifest = manifests[main]!;
    const image = { manifest, names, ...(index === null ? {} : { index }) };
    await take(context.archive.write([image], signal));
    return { id: ids[main]!, target: index ?? manifest };
  });
}

function nameOf(text: string): string {
  const reference = parseReference(text);
  refuseAmbiguous(reference);
  if (reference.digest === null) return formatReference(reference);
  throw new DuetError(
    "invalid",
    "REFERENCE_INVALID",
    "refusing to create a tag with a digest reference",
  );
}
