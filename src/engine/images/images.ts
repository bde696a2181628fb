import type { LoadedImage, Repack } from "../../domain/archive.ts";
import type { Digest } from "../../domain/digest.ts";
import type { ImageRecord, Platform } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { formatPlatform } from "../../domain/platform.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  isBareName,
} from "../../domain/reference.ts";
import type { StagedLayer } from "../../domain/snapshot.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases } from "../engine.ts";
import { asNamed } from "./as-named.ts";
import { readParts, unpackImage } from "./assemble.ts";
import { refuseUnsigned } from "./check-policy.ts";
import { Downloads } from "./downloads.ts";
import { importFrom, importImage } from "./import.ts";
import { findImage, namesOf } from "./find.ts";
import { digestsOfIndex, imagesOfIndex, indexToSave, nameOfAll } from "./index-parts.ts";
import { LoadLayers } from "./load-layers.ts";
import { openLease } from "./lease.ts";
import { manifestsOf } from "./manifests.ts";
import { bringBlob, takeImage } from "./take.ts";
import { pullImage, storeImage, storeImages } from "./pull.ts";
import { PullFigures } from "./pull-tally.ts";
import { publishImage, publishTag } from "./publish.ts";
import { pushImage, pushTarget } from "./push.ts";
import { pushIndex } from "./push-index.ts";
import { referrersOf } from "./referrers.ts";
import { remoteImage } from "./remote.ts";
import { pruneImages, removeImage } from "./remove.ts";
import { storePacked } from "./store-layer.ts";
import { freeingWhatIsLeft } from "./store-room.ts";
import { hiddenVariants } from "./variants.ts";

/** The image verbs, bound to one engine. */
export function imageUseCases(context: EngineContext): ImageUseCases {
  const downloads = new Downloads(context.content);
  const figures = new PullFigures();
  return {
    get: (reference, platform) => findImage(context, reference, platform),
    layerSizes: (image) => layerSizes(context, image),
    list: () => listImages(context),
    manifests: (image, names) => manifestsOf(context, image, names),
    take: (given, options, signal) => takeImage(context, downloads, given, options, signal),
    pull: (reference, options, signal) =>
      pullImage(context, { downloads, figures }, reference, options, signal),
    pullFigures: () => figures,
    push: (reference, options, signal) => pushImage(context, reference, options, signal),
    pushTarget: (reference, target, auth, signal) =>
      pushTarget(context, reference, target, auth, signal),
    bring: (given, blob, lease, signal) =>
      bringBlob(context, downloads, given, blob, lease, signal),
    tag: async (source, target) => tagImage(context, source, target),
    remove: (reference, options) => removeImage(context, reference, options),
    prune: (keep) => pruneImages(context, keep),
    save: (references, signal) => saveImages(context, references, signal),
    load: (tar, progress, signal, platforms) =>
      loadImages(context, tar, progress, signal, platforms ?? []),
    import: (tar, options, signal) => importImage(context, tar, options, signal),
    importFrom: (source, options, begun, signal) =>
      importFrom(context, source, options, begun, signal),
    login: (registry, auth, signal) => context.registry.login(registry, auth, signal),
    remote: (reference, auth, signal) => remoteImage(context, reference, auth, signal),
    referrers: (reference, auth, signal) => referrersOf(context, reference, auth, signal),
    pushIndex: (reference, options, signal) => pushIndex(context, reference, options, signal),
    search: (term, limit, auth, signal) => context.registry.search(term, limit, auth, signal),
  };
}

function listImages(context: EngineContext): ReturnType<ImageUseCases["list"]> {
  const hidden = hiddenVariants(context);
  const images = context.store.images.list().filter(({ id }) => !hidden.has(id));
  return images.map((image) => ({ image, names: namesOf(context, image.id) }));
}

async function layerSizes(context: EngineContext, image: ImageRecord): Promise<readonly number[]> {
  const { directory } = context.snapshotters;
  const chains = chainIds(image.diffIds);
  return await Promise.all(chains.map(async (chain) => await directory.committedSize(chain)));
}

function tagImage(context: EngineContext, source: string, target: string): void {
  const { image, matched } = findImage(context, source);
  const reference = parseReference(target);
  if (reference.digest !== null) {
    throw new DuetError("invalid", "REFERENCE_INVALID", "cannot import digest reference");
  }
  storeImage(context, image, {
    name: formatReference(reference),
    target: matched?.target ?? image.manifest,
    image: image.id,
    taggedAt: Date.now(),
    ...(matched?.variants === undefined ? {} : { variants: matched.variants }),
  });
  publishTag(context, image, familiarReference(reference));
}

async function* saveImages(
  context: EngineContext,
  references: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const saved = new Set<ImageRecord>();
  const wanted = new Map<Digest, LoadedImage & { names: string[] }>();
  const blobs: Digest[] = [];
  for (const reference of references) {
    const { image, matched, names } = findImage(context, reference);
    const isRepository = isBareName(reference);
    const all = isRepository
      ? names.filter((name) => name.name.startsWith(repositoryOf(matched?.name ?? "")))
      : [];
    for (const name of new Set([matched, ...all])) {
      const { manifest, layers } = await asNamed(context, image, name);
      const index = await indexToSave(context, name);
      const entry = wanted.get(manifest.digest) ?? {
        manifest,
        names: [],
        ...(index === undefined ? {} : { index }),
      };
      if (index !== undefined) blobs.push(...(await digestsOfIndex(context, index)));
      if (name !== null && !entry.names.includes(name.name)) entry.names.push(name.name);
      wanted.set(manifest.digest, entry);
      blobs.push(image.id, manifest.digest, ...layers.map((layer) => layer.digest));
    }
    saved.add(image);
  }
  // The client reads at its own pace: the images may be removed meanwhile.
  const lease = openLease(context);
  try {
    await lease.hold(blobs, []);
    for (const image of saved) publishImage(context, image, "save");
    yield* context.archive.write([...wanted.values()], signal);
  } finally {
    lease.end();
  }
}

function repositoryOf(name: string): string {
  return name === "" ? "\0" : name.slice(0, name.lastIndexOf(":") + 1);
}

/** Stores the images of an archive; gives one line an image, as Docker prints. */
async function loadImages(
  context: EngineContext,
  tar: AsyncIterable<Uint8Array>,
  progress: (message: string) => void,
  signal: AbortSignal,
  platforms: readonly Platform[],
): Promise<readonly string[]> {
  // Blobs come in before it is known what they belong to, so nothing is collected meanwhile.
  const work = async (): Promise<readonly string[]> => {
    await using layers = new LoadLayers(context, signal);
    const repack: Repack = async (packed) => {
      const { descriptor, diffId } = await storePacked(context, packed, signal);
      return { ...descriptor, diffId };
    };
    const { watch } = layers;
    const loaded = await context.archive.read(tar, signal, { watch, repack });
    const staged = await layers.all();
    for (const { names } of loaded) refuseUnsigned(context, names);
    await failpoint("load.read");
    const lines: string[] = [];
    for (const entry of loaded) {
      const image = await storeLoaded(context, entry, platforms, staged, signal);
      await failpoint("load.stored");
      const names = entry.names.map((name) => familiarReference(parseReference(name)));
      const own =
        names.length > 0
          ? names.map((name) => `Loaded image: ${name}`)
          : [`Loaded image ID: ${image.id}`];
      for (const line of own) progress(line);
      lines.push(...own);
    }
    return lines;
  };
  return await freeingWhatIsLeft(context, () => context.collection.keep(signal, work));
}

async function storeLoaded(
  context: EngineContext,
  entry: LoadedImage,
  platforms: readonly Platform[],
  staged: ReadonlyMap<Digest, StagedLayer>,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const parts = await readParts(context, entry.manifest);
  const { os, architecture } = parts.record.platform;
  const isWanted = platforms.some((one) => one.os === os && one.architecture === architecture);
  if (platforms.length > 0 && !isWanted) {
    const shown = platforms.map(formatPlatform).join(", ");
    throw new DuetError(
      "not-found",
      "PLATFORM_MISMATCH",
      `requested platform (${shown}) not found: image might be filtered out`,
    );
  }
  const image = await unpackImage(
    context,
    parts,
    { hold: async () => undefined },
    {
      progress: () => undefined,
      staged: (diffId) => staged.get(diffId),
    },
    signal,
  );
  const rest = entry.index === undefined ? [] : await imagesOfIndex(context, entry.index);
  const others = rest.filter(({ id }) => id !== image.id);
  storeImage(context, image, null);
  for (const name of entry.names) {
    const reference = formatReference(parseReference(name));
    const stored = {
      name: reference,
      target: entry.index ?? entry.manifest,
      image: image.id,
      taggedAt: Date.now(),
    };
    storeImages(context, [image, ...others], nameOfAll(stored, others));
  }
  publishImage(context, image, "load");
  return image;
}
