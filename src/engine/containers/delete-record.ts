import { rm } from "node:fs/promises";
import type { ContainerRecord } from "../../domain/container.ts";
import type { ExitRecord } from "../../domain/process.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import { collectGarbage } from "../images/collect.ts";
import { removeVolume } from "../volumes/volumes.ts";
import { publishContainerEvent } from "./find.ts";
import { snapshotterOf } from "./root-kind.ts";
import { stateDirectoryOf } from "./workload-spec.ts";

const cleanUpMilliseconds = 60_000;

/**
 * Takes the record away in one transaction, then, when `released` says that nothing uses them any
 * more, the bytes. A crash between leaves bytes without a record, which restore collects. Resolves
 * when all is gone; the name is free at once.
 */
export async function deleteRecord(
  context: EngineContext,
  record: ContainerRecord,
  withVolumes: boolean,
  exit: ExitRecord,
  released: Promise<void> = Promise.resolve(),
): Promise<void> {
  context.store.transaction(() => context.store.containers.delete(record.id));
  context.execs.forgetAllOf(record.id);
  context.live.refuseAttaches(
    record.id,
    new DuetError("not-found", "CONTAINER_REMOVED", `container ${record.name} was removed`),
  );
  if (record.spec.lifecycle.autoRemove) context.live.noteDeparted(record.id, exit);
  context.live.announce(record.id, "exit", exit);
  context.live.announce(record.id, "removed", exit);
  publishContainerEvent(context, record, "destroy");
  await failpoint("remove.record");
  await released;
  await deleteBytes(context, record, withVolumes);
  if (record.removedImage !== undefined) await collectGarbage(context);
}

async function deleteBytes(
  context: EngineContext,
  record: ContainerRecord,
  withVolumes: boolean,
): Promise<void> {
  const signal = withDeadline(never, cleanUpMilliseconds, `removal of container ${record.name}`);
  await snapshotterOf(context, record).remove(record.id, signal);
  await context.shipments.settled(record.id);
  await rm(stateDirectoryOf(context, record.id), { recursive: true, force: true });
  await failpoint("remove.bytes");
  if (!withVolumes) return;
  for (const mount of record.mounts) {
    const volume = context.store.volumes.get(mount.volume);
    if (volume === undefined || !volume.anonymous) continue;
    try {
      await removeVolume(context, volume.name, true, signal);
    } catch (error) {
      if (!isDuetError(error, "conflict")) throw error;
    }
  }
}
