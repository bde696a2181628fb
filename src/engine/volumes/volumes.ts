import type { ContainerRecord } from "../../domain/container.ts";
import type { VolumeRecord } from "../../domain/mount.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { VolumeUseCases } from "../engine.ts";
import { folderSize } from "../system/folder-size.ts";
import { hasFileSystem } from "./held-volumes.ts";
import { createVolume, deleteVolumeFiles, publishVolumeEvent } from "./create.ts";

export function volumeUseCases(context: EngineContext): VolumeUseCases {
  return {
    get: (name) => findVolume(context, name),
    list: () => context.store.volumes.list(),
    users: (volume) => volumeUsers(context, volume),
    create: async (name, options, signal) =>
      (await createVolume(context, name, options, signal)).volume,
    remove: (name, force, signal) => removeVolume(context, name, force, signal),
    prune: async (keep, signal) => {
      const deleted: string[] = [];
      let reclaimed = 0;
      for (const volume of context.store.volumes.list()) {
        const isUsed = volumeUsers(context, volume).length > 0;
        if (keep(volume) || hasFileSystem(volume) || isUsed || context.live.isClaimed(volume.name))
          continue;
        reclaimed += await folderSize(volume.mountpoint, signal);
        await removeVolume(context, volume.name, true, signal);
        deleted.push(volume.name);
      }
      context.events.pruned("volume", reclaimed);
      return { deleted, reclaimed };
    },
  };
}

function findVolume(context: EngineContext, name: string): VolumeRecord {
  const volume = context.store.volumes.get(name);
  if (volume !== undefined) return volume;
  throw new DuetError("not-found", "VOLUME_NOT_FOUND", `get ${name}: no such volume`, {
    hint: "list volumes with `volume ls`",
  });
}

export function volumeUsers(
  context: EngineContext,
  volume: VolumeRecord,
): readonly ContainerRecord[] {
  return context.store.containers
    .list()
    .filter((record) => record.mounts.some((mount) => mount.volume === volume.name));
}

/** Removes the record first, then the bytes: a crash between leaves a folder that restore collects. */
export async function removeVolume(
  context: EngineContext,
  name: string,
  force: boolean,
  signal: AbortSignal,
): Promise<void> {
  await context.objectLocks.run(`volume ${name}`, signal, async () => {
    const volume = context.store.volumes.get(name);
    if (volume === undefined && force) return;
    const found = volume ?? findVolume(context, name);
    const users = volumeUsers(context, found);
    if (users.length > 0 || context.live.isClaimed(name)) {
      const ids = users.map((record) => record.id).join(", ");
      throw new DuetError(
        "conflict",
        "VOLUME_IN_USE",
        `remove ${name}: volume is in use - [${ids}]`,
        {
          hint: "remove these containers first",
        },
      );
    }
    context.store.transaction(() => context.store.volumes.delete(name));
    await failpoint("volume.removed");
    await deleteVolumeFiles(context, name);
    publishVolumeEvent(context, found, "destroy");
  });
}
