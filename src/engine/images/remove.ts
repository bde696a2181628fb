import type { ContainerRecord } from "../../domain/container.ts";
import type { Digest } from "../../domain/digest.ts";
import type { ImageName, ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { parseReference } from "../../domain/reference.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases, RemovedImagePart } from "../engine.ts";
import { collectGarbage } from "./collect.ts";
import { findImage, namesOf, type FoundImage } from "./find.ts";
import { isSingleReference, referencesOf, type ImageReference } from "./image-references.ts";
import { childrenOf, keptImages } from "./image-of.ts";
import { publishImage } from "./publish.ts";
import { hiddenVariants, variantsOfAlone } from "./variants.ts";

/** What a removal takes off an image, and whether that itself goes. */
interface Removal {
  readonly image: ImageRecord;
  readonly untagged: readonly ImageReference[];
  readonly isWhole: boolean;
}

/** Docker's rules: a name is taken off; the image goes with its last name, unless a container needs it. */
export async function removeImage(
  context: EngineContext,
  reference: string,
  { force, prune }: { readonly force: boolean; readonly prune: boolean },
): Promise<readonly RemovedImagePart[]> {
  const found = findImage(context, reference);
  const removal =
    found.matched === null
      ? removalById(context, found, force)
      : removalByName(context, found, reference, force);
  const removed = carryOut(context, removal);
  if (removal.isWhole && prune) removed.push(...removeForebears(context, found.image));
  await failpoint("image.removed");
  const left = new Set(namesOf(context, found.image.id).map(({ target }) => target.digest));
  // One that had its layers packed in another way leaves these behind.
  const isLast = found.names.some(({ target }) => !left.has(target.digest));
  if (removal.isWhole || (left.size > 0 && isLast)) await collectGarbage(context);
  return removed;
}

/** The name goes, and digests of its repository that it alone was known by; with the last one the image. */
function removalByName(
  context: EngineContext,
  found: FoundImage,
  reference: string,
  force: boolean,
): Removal {
  const { image } = found;
  const all = referencesOf(found.names);
  const user = usersOf(context, image)[0];
  if (!force && user !== undefined && isSingleReference(all)) {
    throw inUse(
      `unable to remove repository reference "${reference}" (must force)`,
      `container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
    );
  }
  const byDigest = parseReference(reference).digest !== null;
  const target = all.find(
    ({ isDigest, names }) => isDigest === byDigest && names.includes(found.matched!),
  );
  const untagged = all.filter(
    (one) => one === target || (!byDigest && isLeftAlone(one, target, all)),
  );
  const isLast = untagged.length === all.length;
  // A container that needs it keeps the image, without a name, and nobody is told of a conflict.
  const isWhole = isLast && conflictOf(context, image, false, force) === undefined;
  return { image, untagged, isWhole };
}

/** Whether `one` is a digest in the repository of `target`, a tag, in which no other tag is left. */
function isLeftAlone(
  one: ImageReference,
  target: ImageReference | undefined,
  all: readonly ImageReference[],
): boolean {
  if (!one.isDigest || one.repository !== target?.repository) return false;
  const others = all.filter((other) => other !== target && !other.isDigest);
  return !others.some(({ repository }) => repository === target.repository);
}

function removalById(
  context: EngineContext,
  { image, names }: FoundImage,
  force: boolean,
): Removal {
  const untagged = referencesOf(names);
  const conflict = conflictOf(context, image, !isSingleReference(untagged), force);
  if (conflict !== undefined) throw conflict;
  return { image, untagged, isWhole: true };
}

/** Why the image itself cannot go: what runs stands in the way of force, too. */
function conflictOf(
  context: EngineContext,
  image: ImageRecord,
  hasNames: boolean,
  force: boolean,
): DuetError | undefined {
  const users = usersOf(context, image);
  if (childrenOf(context, image).length > 0) {
    return inUse(
      `unable to delete ${shortId(image.id)} (cannot be forced)`,
      "image has dependent child images",
    );
  }
  const running = users.find(({ state }) =>
    ["running", "paused", "restarting", "starting"].includes(state),
  );
  const unable = `unable to delete ${shortId(image.id)}`;
  if (running !== undefined) {
    return inUse(
      `${unable} (cannot be forced)`,
      `image is being used by running container ${shortId(running.id)}`,
    );
  }
  if (force) return undefined;
  if (hasNames)
    return inUse(`${unable} (must be forced)`, "image is referenced in multiple repositories");
  const stopped = users[0];
  if (stopped === undefined) return undefined;
  return inUse(
    `${unable} (must be forced)`,
    `image is being used by stopped container ${shortId(stopped.id)}`,
  );
}

/** What only the removed image was made from, without a name or a container of its own. */
function removeForebears(context: EngineContext, { parent }: ImageRecord): RemovedImagePart[] {
  const image = parent === undefined ? undefined : context.store.images.get(parent);
  if (image === undefined) return [];
  const isNamed = namesOf(context, image.id).length > 0;
  if (isNamed || conflictOf(context, image, false, false) !== undefined) return [];
  const removed = carryOut(context, { image, untagged: [], isWhole: true });
  return [...removed, ...removeForebears(context, image)];
}

function inUse(what: string, why: string): DuetError {
  return new DuetError("conflict", "IMAGE_IN_USE", `conflict: ${what} - ${why}`);
}

/** One transaction; a container that stays keeps the image's record, and by it the layers under its own. */
function carryOut(context: EngineContext, removal: Removal): RemovedImagePart[] {
  const { image, untagged, isWhole } = removal;
  const { store } = context;
  const variants = variantsOfAlone(
    context,
    untagged.flatMap(({ names }) => names),
  );
  store.transaction(() => {
    for (const reference of untagged) takeOff(context, reference, untagged);
    if (!isWhole) return;
    for (const gone of [image, ...variants]) {
      for (const record of usersOf(context, gone)) {
        store.containers.put({ ...record, removedImage: gone });
      }
      store.images.delete(gone.id);
    }
  });
  for (const _ of untagged) publishImage(context, image, "untag");
  const removed: RemovedImagePart[] = untagged.map(({ familiar }) => ({ untagged: familiar }));
  if (!isWhole) return removed;
  publishImage(context, image, "delete");
  const gone = [image, ...variants].flatMap((one) => [one.id, ...layersOfNone(context, one)]);
  return [...removed, ...gone.map((deleted) => ({ deleted }))];
}

/** A digest under which a tag was pulled is forgotten, where the tag itself stays. */
function takeOff(
  context: EngineContext,
  reference: ImageReference,
  all: readonly ImageReference[],
): void {
  const { imageNames } = context.store;
  for (const name of reference.names) {
    const isTag = parseReference(name.name).tag !== "";
    const stays = reference.isDigest && isTag;
    if (!stays) imageNames.delete(name.name);
    else if (!all.some((one) => !one.isDigest && one.names.includes(name))) {
      const { atRegistry: _, ...rest } = name;
      imageNames.put(rest);
    }
  }
}

/** The layers of a removed image that no other one and no container has, by their chain ids, the topmost first. */
function layersOfNone(context: EngineContext, image: ImageRecord): readonly Digest[] {
  const others = new Set(keptImages(context).flatMap(({ diffIds }) => chainIds(diffIds)));
  return chainIds(image.diffIds)
    .filter((chain) => !others.has(chain))
    .toReversed();
}

function shortId(id: string): string {
  return id.replace("sha256:", "").slice(0, 12);
}

function usersOf(context: EngineContext, image: ImageRecord): readonly ContainerRecord[] {
  return context.store.containers.list().filter((record) => record.image === image.id);
}

/**
 * Removes what no container has and nobody wants kept; `reclaimed` are the bytes that this gave back: layers,
 * blobs and disks that nothing else has, and what broken pulls left. Where they only go later, those of the layers
 * are told.
 */
export async function pruneImages(
  context: EngineContext,
  keep: (image: ImageRecord, names: readonly ImageName[]) => boolean,
): ReturnType<ImageUseCases["prune"]> {
  const removed: RemovedImagePart[] = [];
  const hidden = hiddenVariants(context);
  for (const image of context.store.images.list()) {
    const names = namesOf(context, image.id);
    if (hidden.has(image.id)) continue;
    if (keep(image, names) || usersOf(context, image).length > 0) continue;
    if (names.length === 0 && childrenOf(context, image).length > 0) continue;
    removed.push(...carryOut(context, { image, untagged: referencesOf(names), isWhole: true }));
  }
  const { directory } = context.snapshotters;
  let unpacked = 0;
  for (const { deleted } of removed) {
    if (deleted !== undefined) unpacked += await directory.committedSize(deleted);
  }
  // What a pull or load that broke has left: the next one can do without, and nothing else would free it.
  const left = await context.content.dropStaleIngests(-Infinity);
  const reclaimed = ((await collectGarbage(context)) ?? unpacked) + left;
  context.events.pruned("image", reclaimed);
  return { removed, reclaimed };
}
