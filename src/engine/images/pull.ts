import type { Descriptor, ImageName, ImageRecord } from "../../domain/image.ts";
import {
  manifestKind,
  maximumManifestBytes,
  parseIndex,
  parseManifest,
  selectPlatform,
} from "../../domain/manifest.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  refuseAmbiguous,
  withTag,
  type Reference,
} from "../../domain/reference.ts";
import { spending } from "../../domain/pull-phases.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { startLaps } from "../../kit/laps.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases } from "../engine.ts";
import { checkSignature, refuseRejected } from "./check-policy.ts";
import { readParts, type ImageParts } from "./assemble.ts";
import type { Downloads } from "./downloads.ts";
import { fetchSmall, fetchLayers, type Fetch } from "./fetch.ts";
import { withLease } from "./lease.ts";
import { nameOfAll } from "./index-parts.ts";
import { fetchRest } from "./pull-all.ts";
import { PullTally, type PullFigures } from "./pull-tally.ts";
import { freeingWhatIsLeft } from "./store-room.ts";
import { withVariants } from "./variants.ts";

type PullOptions = Parameters<ImageUseCases["pull"]>[1];

export interface Pull extends Fetch {
  readonly tally: PullTally;
  readonly reference: Reference;
  readonly options: PullOptions;
}

/** Pulls by tag or digest, or all tags of a repository, one after another; gives the last image. */
export async function pullImage(
  context: EngineContext,
  { downloads, figures }: { readonly downloads: Downloads; readonly figures: PullFigures },
  text: string,
  options: PullOptions,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const named = parseReference(text);
  const repository = familiarReference({ ...named, tag: "", digest: null });
  const familiar = options.allTags === true ? repository : familiarReference(named);
  const tags =
    options.allTags === true
      ? (await context.registry.tags(named, options.auth, signal)).map((tag) => withTag(named, tag))
      : [named];
  let last: Pulled | undefined;
  let isNew = false;
  for (const reference of tags) {
    const blob: Pull["blob"] = (one, from, until) =>
      context.registry.blob(reference, one, from, options.auth, until);
    const progress: Pull["progress"] = (one) => options.progress({ kind: "layer", progress: one });
    last = await tallied(context, figures, reference, options, (tally) =>
      freeingWhatIsLeft(context, () =>
        withLease(context, (lease) =>
          pullOne(context, downloads, {
            ...{ reference, options, lease, signal, blob, progress, tally },
            source: sourceOf(reference, options),
          }),
        ),
      ),
    );
    isNew ||= last.isNew;
  }
  if (last === undefined) {
    throw new DuetError("not-found", "NO_TAGS", `repository ${repository} has no tags`, {
      subject: repository,
    });
  }
  const status = isNew ? "Downloaded newer image" : "Image is up to date";
  options.progress({ kind: "status", id: "", text: `Status: ${status} for ${familiar}` });
  context.events.publish({
    type: "image",
    action: "pull",
    id: familiar,
    attributes: { name: repository },
  });
  return last.image;
}

/** Tells what a pull of one name took: those who asked for it, the log, and the figures of this daemon. */
async function tallied(
  context: EngineContext,
  figures: PullFigures,
  reference: Reference,
  options: PullOptions,
  work: (tally: PullTally) => Promise<Pulled>,
): Promise<Pulled> {
  const tally = new PullTally();
  const image = familiarReference(reference);
  try {
    const pulled = await work(tally);
    const timings = tally.timings();
    const outcome = pulled.isNew ? "new" : "current";
    figures.add(timings, outcome);
    context.log.info("image-pulled", { image, outcome, ...timings });
    options.progress({ kind: "timings", timings });
    return pulled;
  } catch (error) {
    const timings = tally.timings();
    figures.add(timings, "failed");
    context.log.info("image-not-pulled", { image, error, ...timings });
    throw error;
  }
}

/** A repository, as one user of it. */
function sourceOf(
  { domain, path }: Pick<Reference, "domain" | "path">,
  { auth }: Pick<PullOptions, "auth">,
): string {
  return JSON.stringify([domain, path, auth?.username, auth?.identityToken]);
}

interface Pulled {
  readonly image: ImageRecord;
  /** The name stood for something else before, or for nothing. */
  readonly isNew: boolean;
}

/** The tag is resolved once, everything after goes by that digest. */
async function pullOne(context: EngineContext, downloads: Downloads, pull: Pull): Promise<Pulled> {
  const { reference, options } = pull;
  // A tag beside a digest says nothing more, and is not given, as in Docker.
  const name = formatReference(reference.digest === null ? reference : { ...reference, tag: "" });
  const { target, parts } = await spending(pull.tally, "resolve", () =>
    fetchManifests(context, pull),
  );
  await failpoint("pull.manifest");
  const before = context.store.imageNames.get(name);
  const image = await fetchLayers(context, downloads, pull, parts);
  const all = options.allPlatforms ? await fetchRest(context, downloads, pull, target) : [];
  // The same image may be in an index twice, packed differently.
  const rest = all.filter(({ id }) => id !== image.id);
  await failpoint("pull.unpacked");
  const isNew = ![before?.image, ...(before?.variants ?? [])].includes(image.id);
  const stored: ImageName = {
    name,
    target,
    image: image.id,
    taggedAt: Date.now(),
    atRegistry: true,
  };
  const publishing = startLaps();
  storeImages(context, [image, ...rest], nameOfAll(withVariants(context, stored, image), rest));
  pull.tally.spend("publish", publishing(), 0);
  await failpoint("pull.stored");
  options.progress({ kind: "status", id: "", text: `Digest: ${target.digest}` });
  return { image, isNew };
}

/** Stores the image and its name in one transaction; what the name pointed at before stays without it. */
export function storeImage(
  context: EngineContext,
  image: ImageRecord,
  name: ImageName | null,
): void {
  storeImages(context, [image], name);
}

/** As `storeImage`, for several images of one name. Throws `invalid` REFERENCE_INVALID for a name that no image may have. */
export function storeImages(
  context: EngineContext,
  images: readonly ImageRecord[],
  name: ImageName | null,
): void {
  if (name !== null) refuseAmbiguous(parseReference(name.name));
  context.store.transaction(() => {
    for (const image of images) context.store.images.put(image);
    if (name !== null) context.store.imageNames.put(name);
  });
}

async function fetchManifests(
  context: EngineContext,
  pull: Pull,
): Promise<{ readonly target: Descriptor; readonly parts: ImageParts }> {
  const { reference, options, lease, signal, tally } = pull;
  refuseRejected(context, reference);
  const resolved = await context.registry.resolve(reference, options.auth, signal);
  // Not before: where the registry refuses, the answer has a status of its own, on which clients branch.
  options.progress({
    kind: "status",
    id: reference.tag || (reference.digest ?? ""),
    text: `Pulling from ${reference.path}`,
  });
  const target = resolved.descriptor;
  await lease.hold([target.digest], []);
  await context.content.write(resolved.content, target);
  tally.spend("resolve", 0, target.size);
  let manifest = target;
  if (manifestKind(target.mediaType) === "index") {
    const index = parseIndex(resolved.content, target.mediaType);
    manifest = selectPlatform(index.manifests, options.platform ?? hostPlatform);
  }
  const signed = options.allPlatforms === true ? [target] : [target, manifest];
  const digests = [...new Set(signed.map(({ digest }) => digest))];
  await checkSignature(context, reference, digests, options.auth, signal);
  if (manifest !== target) {
    await lease.hold([manifest.digest], []);
    const bytes = await context.registry.manifest(reference, manifest, options.auth, signal);
    await context.content.write(bytes, manifest);
    tally.spend("resolve", 0, manifest.size);
  }
  const bytes = await context.content.read(manifest.digest, maximumManifestBytes);
  await fetchSmall(context, pull, parseManifest(bytes, manifest.mediaType).config);
  const parts = await readParts(context, manifest);
  if (
    options.platform !== null &&
    parts.record.platform.architecture !== options.platform.architecture
  ) {
    throw new DuetError(
      "not-found",
      "PLATFORM_MISMATCH",
      `image with reference ${familiarReference(reference)} was found but does not match the specified platform: wanted ${options.platform.os}/${options.platform.architecture}, actual: ${parts.record.platform.os}/${parts.record.platform.architecture}`,
    );
  }
  return { target, parts };
}
