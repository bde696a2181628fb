import { constants } from "node:fs";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerRecord } from "../../domain/container.ts";
import { chainIds } from "../../domain/image-config.ts";
import { defaultSharedMemorySize } from "../../domain/limits.ts";
import type { MountRecord, VolumeRecord } from "../../domain/mount.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { ensureUnpacked } from "../images/ensure-unpacked.ts";
import { keptImages } from "../images/image-of.ts";
import { hasFileSystem } from "../volumes/held-volumes.ts";

/** What one run has of the host's mount tree: held volumes, parts of volumes, shared memory. */
export interface HostParts {
  /** The container's mounts, those of a part of a volume with that part as their source. */
  readonly mounts: readonly MountRecord[];
  /** Folder to be the workload's /dev/shm, where others may join it or it joins another's. */
  readonly sharedMemory: string | null;
}

function folderOf(context: EngineContext, id: string): string {
  return join(context.settings.runDirectory, "m", id.slice(0, 12));
}

/** Mounts what one run needs. `releaseHostParts` undoes it, also where this fails half-way. */
export async function makeHostParts(
  context: EngineContext,
  record: Pick<ContainerRecord, "id" | "mounts" | "spec">,
  signal: AbortSignal,
): Promise<HostParts> {
  for (const volume of volumesOf(context, record)) {
    try {
      await context.held.hold(volume, record.id, signal);
    } catch (error) {
      throw mountingFailed(volume, error);
    }
  }
  const mounts: MountRecord[] = [];
  for (const [index, mount] of record.mounts.entries()) {
    if (mount.spec.kind === "image") {
      mounts.push(await mountImage(context, record.id, index, mount, signal));
      continue;
    }
    const path = mount.volume === "" ? "" : mount.spec.volumeSubpath;
    mounts.push(path === "" ? mount : await bindPart(context, record.id, index, mount));
  }
  return { mounts, sharedMemory: await shareMemory(context, record, signal) };
}

function volumesOf(
  context: EngineContext,
  record: Pick<ContainerRecord, "mounts">,
): readonly VolumeRecord[] {
  const names = new Set(record.mounts.map((mount) => mount.volume));
  return [...names].flatMap((name) => context.store.volumes.get(name) ?? []);
}

/** Docker's words around the reason. */
function mountingFailed(volume: VolumeRecord, error: unknown): DuetError {
  const known = toDuetError(error);
  return new DuetError(
    known.class,
    known.code,
    `error while mounting volume '${volume.mountpoint}': ${known.message}`,
    { cause: known, http: known.http },
  );
}

async function bindPart(
  context: EngineContext,
  id: string,
  index: number,
  mount: MountRecord,
): Promise<MountRecord> {
  const part = join(folderOf(context, id), String(index));
  const source = join(mount.hostPath, mount.spec.volumeSubpath);
  await mkdir(folderOf(context, id), { recursive: true, mode: 0o700 });
  const isFolder = (await stat(source).catch(() => undefined))?.isDirectory() ?? true;
  if (isFolder) await mkdir(part, { recursive: true });
  else await (await open(part, "a", 0o600)).close();
  context.mounts.bindBeneath(mount.hostPath, mount.spec.volumeSubpath, part);
  return { ...mount, hostPath: part };
}

/** The image's root, read-only, in the host's tree; no link in it leads to a part that is outside. */
async function mountImage(
  context: EngineContext,
  id: string,
  index: number,
  mount: MountRecord,
  signal: AbortSignal,
): Promise<MountRecord> {
  const whole = join(folderOf(context, id), `${index}-image`);
  await mkdir(whole, { recursive: true, mode: 0o700 });
  const chain = chainIds(mount.layers ?? []).at(-1) ?? null;
  const image = keptImages(context).find(({ diffIds }) => chainIds(diffIds).at(-1) === chain);
  await ensureUnpacked(context, image, signal);
  const views = (await context.snapshotters.directory.view?.(chain)) ?? [];
  for (const { type, source, options } of views) {
    await context.mounts.mount({ type, source, target: whole, options }, signal);
  }
  const { volumeSubpath: subpath } = mount.spec;
  if (subpath === "") return { ...mount, hostPath: whole };
  const part = join(folderOf(context, id), String(index));
  const target = {
    kind: "mounts",
    mounts: [{ type: "bind", source: whole, target: "", options: ["bind"] }],
    readonly: true,
  } as const;
  await using session = await context.rootfs.open(target, signal);
  const { mode } = await session.stat(`/${subpath}`, true, signal);
  if ((mode & constants.S_IFMT) === constants.S_IFDIR) await mkdir(part);
  else await (await open(part, "a", 0o600)).close();
  context.mounts.bindWithin(whole, subpath, part);
  return { ...mount, hostPath: part };
}

/** A tmpfs in the host's tree for a container that others may join; the joined one's for one that joins. */
async function shareMemory(
  context: EngineContext,
  record: Pick<ContainerRecord, "id" | "spec">,
  signal: AbortSignal,
): Promise<string | null> {
  const { security, resources, isolation } = record.spec;
  const { ipcMode } = security;
  if (isolation === "vm") return null;
  if (ipcMode.startsWith("container:")) {
    return join(folderOf(context, ipcMode.slice("container:".length)), "shm");
  }
  if (ipcMode !== "shareable") return null;
  const folder = join(folderOf(context, record.id), "shm");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const size = resources.shmSize || defaultSharedMemorySize;
  await context.mounts.mount(
    {
      type: "tmpfs",
      source: "shm",
      target: folder,
      options: ["nosuid", "nodev", "noexec", "mode=1777", `size=${size}`],
    },
    signal,
  );
  return folder;
}

/** Whether a mount has a place of its own in the host's tree while it is used. */
function hasPart({ spec }: MountRecord): boolean {
  return spec.volumeSubpath !== "" || spec.kind === "image";
}

/** Whether its volumes are anything else than folders that are there already. */
export function needsHostParts(
  context: EngineContext,
  record: Pick<ContainerRecord, "mounts">,
): boolean {
  return record.mounts.some(hasPart) || volumesOf(context, record).some(hasFileSystem);
}

/** Idempotent; whoever joined the shared memory keeps it. */
export async function releaseHostParts(
  context: EngineContext,
  record: Pick<ContainerRecord, "id" | "mounts" | "spec">,
  signal: AbortSignal,
): Promise<void> {
  const isShareable = record.spec.security.ipcMode === "shareable";
  if (isShareable || record.mounts.some(hasPart)) {
    const folder = folderOf(context, record.id);
    await context.mounts.unmount(folder);
    await rm(folder, { recursive: true, force: true });
  }
  for (const volume of volumesOf(context, record)) {
    await context.held.letGo(volume, record.id, signal);
  }
}

/** After a restart of the daemon: what runs keeps what it has, all else is unmounted. */
export async function restoreHostParts(
  context: EngineContext,
  live: readonly ContainerRecord[],
): Promise<void> {
  const kept = new Set(live.map((record) => folderOf(context, record.id)));
  for (const record of live) {
    for (const volume of volumesOf(context, record)) context.held.adopt(volume, record.id);
  }
  const root = join(context.settings.runDirectory, "m");
  for (const point of await context.mounts.below(root)) {
    if (![...kept].some((folder) => point.startsWith(`${folder}/`))) {
      await context.mounts.unmount(point);
    }
  }
  await context.held.dropUnheld(context.store.volumes.list());
}
