import type { ContainerRecord } from "../../domain/container.ts";
import type { ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import type { MountRecord, VolumeRecord } from "../../domain/mount.ts";
import type { RootfsSession } from "../../domain/rootfs.ts";
import { isDuetError } from "../../kit/errors.ts";
import { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import { hasFileSystem } from "./held-volumes.ts";
import { isEmptyFolder } from "../system/folder-size.ts";

/** Fills new, empty volumes with what the image has at their target, as Docker does at create. */
export async function copyUpVolumes(
  context: EngineContext,
  record: ContainerRecord,
  image: ImageRecord,
  signal: AbortSignal,
): Promise<void> {
  const wanted: MountRecord[] = [];
  for (const mount of record.mounts) {
    if (mount.volume === "" || !mount.spec.copyUp) continue;
    const volume = context.store.volumes.get(mount.volume);
    // A part of a volume, or what a file system of its own brings, is the user's as it is.
    if (volume === undefined || volume.populated || mount.spec.volumeSubpath !== "") continue;
    if (hasFileSystem(volume) || (await isEmptyFolder(volume.mountpoint))) wanted.push(mount);
  }
  if (wanted.length === 0) return;
  await using scope = new Scope();
  const view = `view-${record.id}`;
  scope.defer((until) => context.snapshotters.directory.remove(view, until));
  const chain = chainIds(image.diffIds).at(-1) ?? null;
  const root = await context.snapshotters.directory.prepare(view, chain, signal);
  if (root.kind !== "directory") return;
  await using source = await context.rootfs.open(
    { kind: "mounts", mounts: root.mounts, readonly: false },
    signal,
  );
  for (const mount of wanted) await copyUp(context, source, mount, record.id, signal);
}

/** False where its file system cannot be mounted: the start will say so. */
async function holds(
  context: EngineContext,
  scope: Scope,
  volume: VolumeRecord,
  holder: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await context.held.hold(volume, holder, signal);
  } catch (error) {
    signal.throwIfAborted();
    context.log.warn("volume-not-mounted", { volume: volume.name, error });
    return false;
  }
  scope.defer((until) => context.held.letGo(volume, holder, until));
  return true;
}

async function copyUp(
  context: EngineContext,
  source: RootfsSession,
  mount: MountRecord,
  holder: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const status = await source.stat(mount.target, true, signal);
    const isFolder = (status.mode & 0o170000) === 0o040000;
    if (!isFolder) return;
  } catch (error) {
    if (isDuetError(error, "not-found")) return;
    throw error;
  }
  await using scope = new Scope();
  const target = context.store.volumes.get(mount.volume);
  if (target === undefined) return;
  if (hasFileSystem(target)) {
    if (!(await holds(context, scope, target, holder, signal))) return;
    if (!(await isEmptyFolder(target.mountpoint))) return;
  }
  await using volume = await context.rootfs.open(
    {
      kind: "mounts",
      mounts: [{ type: "bind", source: mount.hostPath, target: "", options: ["bind"] }],
      readonly: false,
    },
    signal,
  );
  const tar = source.archive(`${mount.target}/.`, signal);
  await volume.extract("/", tar, { noOverwriteDirNonDir: false, copyOwner: true }, signal);
  const record = context.store.volumes.get(mount.volume);
  if (record === undefined) return;
  context.store.transaction(() => context.store.volumes.put({ ...record, populated: true }));
}
