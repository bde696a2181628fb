import type { ContainerRecord } from "../../domain/container.ts";
import type { ImageName, ImageRecord } from "../../domain/image.ts";
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
  const names = namesToRemove(found, reference, options.force);
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
  await collectGarbage(context);
  removed.push({ deleted: found.image.id });
  return removed;
}

function publish(context: EngineContext, action: string, image: ImageRecord, name: string): void {
  context.events.publish({
    type: "image",
    action,
    id: image.id,
    attributes: { ...image.process.labels, name },
  });
}

function namesToRemove(found: FoundImage, reference: string, force: boolean): readonly ImageName[] {
  if (found.matched !== null) return [found.matched];
  if (found.names.length > 1 && !force) {
    throw new DuetError(
      "conflict",
      "IMAGE_NAMES",
      `conflict: unable to delete ${reference} (must be forced) - image is referenced in multiple repositories`,
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
  const short = (id: string): string => id.replace("sha256:", "").slice(0, 12);
  if (running !== undefined && !(byName && force)) {
    const how = byName
      ? `unable to remove repository reference "${reference}" (must force)`
      : `unable to delete ${short(image.id)} (cannot be forced)`;
    const why = byName
      ? `container ${short(running.id)} is using its referenced image ${short(image.id)}`
      : `image is being used by running container ${short(running.id)}`;
    throw new DuetError("conflict", "IMAGE_IN_USE", `conflict: ${how} - ${why}`);
  }
  const stopped = users[0];
  if (stopped !== undefined && !force) {
    const how = byName
      ? `unable to remove repository reference "${reference}" (must force)`
      : `unable to delete ${short(image.id)} (must be forced)`;
    const why = byName
      ? `container ${short(stopped.id)} is using its referenced image ${short(image.id)}`
      : `image is being used by stopped container ${short(stopped.id)}`;
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
    deleted.push(`deleted: ${image.id}`);
  }
  return { deleted, reclaimed: await collectGarbage(context) };
}
