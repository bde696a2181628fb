import type { Digest } from "../../domain/digest.ts";
import type { ContainerRecord } from "../../domain/container.ts";
import type { ImageName, ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { familiarReference, parseReference } from "../../domain/reference.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases, PruneResult } from "../engine.ts";
import { collectGarbage } from "./collect.ts";
import { findImage, type FoundImage } from "./find.ts";

type Removed = Awaited<ReturnType<ImageUseCases["remove"]>>;

/** Docker's rules: a name is taken off; the image goes with its last name, unless a container needs it. */
export async function removeImage(
  context: EngineContext,
  reference: string,
  options: { readonly force: boolean; readonly prune: boolean },
): Promise<Removed> {
  const found = findImage(context, reference);
  const names = namesToRemove(found, options.force);
  const isLast = names.length === found.names.length;
  if (isLast) refuseUsed(context, found.image, reference, options.force, found.matched !== null);
  const removed: { untagged?: string; deleted?: string }[] = names.map((name) => ({
    untagged: familiarReference(parseReference(name.name)),
  }));
  const isInUse = usersOf(context, found.image).length > 0;
  context.store.transaction(() => {
    for (const name of names) context.store.imageNames.delete(name.name);
    if (isLast && !isInUse) context.store.images.delete(found.image.id);
  });
  await failpoint("image.removed");
  for (const name of names) {
    publish(context, "untag", found.image, familiarReference(parseReference(name.name)));
  }
  if (!isLast || isInUse) return removed;
  publish(context, "delete", found.image, found.image.id);
  const layers = layersOfNone(context, found.image);
  await collectGarbage(context);
  return [...removed, ...[found.image.id, ...layers].map((deleted) => ({ deleted }))];
}

/** The layers of a removed image that no other one has, by their chain ids, the topmost first. */
function layersOfNone(context: EngineContext, image: ImageRecord): readonly Digest[] {
  const others = new Set(context.store.images.list().flatMap(({ diffIds }) => chainIds(diffIds)));
  return chainIds(image.diffIds)
    .filter((chain) => !others.has(chain))
    .toReversed();
}

function shortId(id: string): string {
  return id.replace("sha256:", "").slice(0, 12);
}

function publish(context: EngineContext, action: string, image: ImageRecord, name: string): void {
  context.events.publish({
    type: "image",
    action,
    id: image.id,
    attributes: { ...image.process.labels, name },
  });
}

function namesToRemove(found: FoundImage, force: boolean): readonly ImageName[] {
  if (found.matched !== null) return [found.matched];
  if (found.names.length > 1 && !force) {
    throw new DuetError(
      "conflict",
      "IMAGE_NAMES",
      `conflict: unable to delete ${shortId(found.image.id)} (must be forced) - image is referenced in multiple repositories`,
    );
  }
  return found.names;
}

function usersOf(context: EngineContext, image: ImageRecord): readonly ContainerRecord[] {
  return context.store.containers.list().filter((record) => record.image === image.id);
}

function refuseUsed(
  context: EngineContext,
  image: ImageRecord,
  reference: string,
  force: boolean,
  byName: boolean,
): void {
  const users = usersOf(context, image);
  const running = users.find((record) => ["running", "paused", "starting"].includes(record.state));
  if (running !== undefined && !(byName && force)) {
    const how = byName
      ? `unable to remove repository reference "${reference}" (must force)`
      : `unable to delete ${shortId(image.id)} (cannot be forced)`;
    const why = byName
      ? `container ${shortId(running.id)} is using its referenced image ${shortId(image.id)}`
      : `image is being used by running container ${shortId(running.id)}`;
    throw new DuetError("conflict", "IMAGE_IN_USE", `conflict: ${how} - ${why}`);
  }
  const stopped = users[0];
  if (stopped !== undefined && !force) {
    const how = byName
      ? `unable to remove repository reference "${reference}" (must force)`
      : `unable to delete ${shortId(image.id)} (must be forced)`;
    const why = byName
      ? `container ${shortId(stopped.id)} is using its referenced image ${shortId(image.id)}`
      : `image is being used by stopped container ${shortId(stopped.id)}`;
    throw new DuetError("conflict", "IMAGE_IN_USE", `conflict: ${how} - ${why}`);
  }
}

export async function pruneImages(
  context: EngineContext,
  keep: (image: ImageRecord, names: readonly ImageName[]) => boolean,
): Promise<PruneResult> {
  const deleted: string[] = [];
  for (const image of context.store.images.list()) {
    const names = context.store.imageNames.list().filter((name) => name.image === image.id);
    if (keep(image, names) || usersOf(context, image).length > 0) continue;
    context.store.transaction(() => {
      for (const name of names) context.store.imageNames.delete(name.name);
      context.store.images.delete(image.id);
    });
    for (const name of names)
      deleted.push(`untagged: ${familiarReference(parseReference(name.name))}`);
    for (const gone of [image.id, ...layersOfNone(context, image)])
      deleted.push(`deleted: ${gone}`);
  }
  return { deleted, reclaimed: await collectGarbage(context) };
}
