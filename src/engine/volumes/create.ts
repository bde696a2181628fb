import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { newObjectId } from "../../domain/identity.ts";
import type { MountSpec, VolumeRecord } from "../../domain/mount.ts";
import { syncFolder } from "../../kit/atomic-file.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { checkLocalOptions, checkVolumeName } from "./local-options.ts";
import type { EngineContext } from "../context.ts";
import type { VolumeUseCases } from "../engine.ts";

type VolumeOptions = Parameters<VolumeUseCases["create"]>[1];

/** Makes a volume, or gives the one of that name where its driver and options are the same. */
export async function createVolume(
  context: EngineContext,
  name: string,
  options: VolumeOptions,
  signal: AbortSignal,
  claim: (name: string) => void = () => undefined,
): Promise<{ readonly volume: VolumeRecord; readonly isNew: boolean }> {
  const finalName = name === "" ? newObjectId() : name;
  checkVolumeName(finalName);
  checkOptions(finalName, options);
  claim(finalName);
  return await context.objectLocks.run(`volume ${finalName}`, signal, async () => {
    const existing = context.store.volumes.get(finalName);
    if (existing !== undefined) return { volume: existing, isNew: false };
    const folder = join(context.settings.volumesDirectory, finalName);
    const mountpoint = join(folder, "_data");
    await mkdir(mountpoint, { recursive: true, mode: 0o755 });
    await syncFolder(context.settings.volumesDirectory);
    await failpoint("volume.folder");
    const volume: VolumeRecord = {
      name: finalName,
      driver: "local",
      options: options.options,
      labels:
        name === "" ? { "com.docker.volume.anonymous": "", ...options.labels } : options.labels,
      anonymous: name === "",
      mountpoint,
      createdAt: Date.now(),
      populated: false,
    };
    context.store.transaction(() => context.store.volumes.put(volume));
    publishVolumeEvent(context, volume, "create");
    return { volume, isNew: true };
  });
}

function checkOptions(name: string, options: VolumeOptions): void {
  if (options.driver !== "" && options.driver !== "local") {
    throw new DuetError(
      "not-found",
      "VOLUME_DRIVER",
      `create ${name}: error looking up volume plugin ${options.driver}: plugin "${options.driver}" not found`,
      {
        hint: "the one volume driver is local",
      },
    );
  }
  checkLocalOptions(name, options.options);
}

/** The volume behind a mount of kind `volume`, made where it is missing; `claim` is called with its name first. */
export async function volumeForMount(
  context: EngineContext,
  mount: MountSpec,
  signal: AbortSignal,
  claim: (name: string) => void,
): Promise<{ readonly volume: VolumeRecord; readonly isNew: boolean }> {
  return await createVolume(
    context,
    mount.source,
    { driver: mount.volumeDriver, options: mount.volumeOptions, labels: mount.volumeLabels },
    signal,
    claim,
  );
}

/** What is mounted in it is somebody else's data: it is unmounted first, never emptied. */
export async function deleteVolumeFiles(context: EngineContext, name: string): Promise<void> {
  await context.mounts.unmount(join(context.settings.volumesDirectory, name));
  await rm(join(context.settings.volumesDirectory, name), { recursive: true, force: true });
}

export function publishVolumeEvent(
  context: EngineContext,
  volume: VolumeRecord,
  action: string,
): void {
  context.events.publish({
    type: "volume",
    action,
    id: volume.name,
    attributes: { driver: volume.driver },
  });
}
