import { mkdir, stat } from "node:fs/promises";
import { isAbsolute, posix } from "node:path";
import type { ContainerSpec } from "../../domain/container.ts";
import { emptyMount, type MountRecord, type MountSpec } from "../../domain/mount.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { Digest } from "../../domain/digest.ts";
import { chainIds } from "../../domain/manifest.ts";
import { ensureUnpacked } from "../images/ensure-unpacked.ts";
import { findImage } from "../images/find.ts";
import { keptImages } from "../images/image-of.ts";
import { volumeForMount } from "../volumes/create.ts";
import { findContainer } from "./find.ts";

/** Told of each volume that a container under way will use, before it is looked at or made, and of each new one. */
export interface VolumeUse {
  claim(this: void, name: string): void;
  created(name: string): void;
}

/**
 * Resolves what the user, other containers and the image ask to be mounted. A target stands once:
 * the user's own mounts win over `--volumes-from`, which win over the image's volumes.
 */
export async function resolveMounts(
  context: EngineContext,
  spec: ContainerSpec,
  imageVolumes: readonly string[],
  volumes: VolumeUse,
  signal: AbortSignal,
): Promise<readonly MountRecord[]> {
  const byTarget = new Map<string, MountRecord>();
  for (const mount of spec.mounts) {
    const target = checkTarget(mount.target);
    if (byTarget.has(target)) {
      throw new DuetError("invalid", "MOUNT_DUPLICATE", `Duplicate mount point: ${target}`);
    }
    byTarget.set(target, await resolveMount(context, mount, target, volumes, signal));
  }
  for (const source of spec.volumesFrom) {
    for (const mount of mountsFrom(context, source)) {
      if (byTarget.has(mount.target)) continue;
      if (mount.volume !== "") volumes.claim(mount.volume);
      byTarget.set(mount.target, mount);
    }
  }
  for (const volume of imageVolumes) {
    const target = checkTarget(volume);
    if (byTarget.has(target)) continue;
    const mount: MountSpec = { ...emptyMount, target };
    byTarget.set(target, await resolveMount(context, mount, target, volumes, signal));
  }
  return [...byTarget.values()];
}

function checkTarget(target: string): string {
  if (target.includes("\0") || !isAbsolute(target)) {
    throw new DuetError(
      "invalid",
      "MOUNT_TARGET",
      `invalid mount target ${JSON.stringify(target)}: it must be an absolute path`,
    );
  }
  const clean = posix.normalize(target).replace(/(.)\/$/, "$1");
  if (clean === "/") {
    throw new DuetError("invalid", "MOUNT_TARGET", "invalid mount: destination can't be '/'");
  }
  return clean;
}

async function resolveMount(
  context: EngineContext,
  mount: MountSpec,
  target: string,
  volumes: VolumeUse,
  signal: AbortSignal,
): Promise<MountRecord> {
  const { readonly } = mount;
  if (mount.kind === "tmpfs") return { spec: mount, volume: "", hostPath: "", target, readonly };
  if (mount.kind === "bind") {
    await checkBindSource(mount);
    return { spec: mount, volume: "", hostPath: mount.source, target, readonly };
  }
  if (mount.kind === "image") {
    const { image } = findImage(context, mount.source);
    await ensureUnpacked(context, image, signal);
    return { spec: mount, volume: "", hostPath: "", target, readonly, layers: image.diffIds };
  }
  const { volume, isNew } = await volumeForMount(context, mount, signal, volumes.claim);
  if (isNew) volumes.created(volume.name);
  return { spec: mount, volume: volume.name, hostPath: volume.mountpoint, target, readonly };
}

/**
 * To be asked where the container is stored, in the same transaction: an image that went since `resolveMounts`
 * takes its layers with it, and no container could start without them. Throws `not-found` IMAGE_NOT_FOUND.
 */
export function checkMountedImages(context: EngineContext, mounts: readonly MountRecord[]): void {
  for (const { spec, layers } of mounts) {
    const chain = chainIds(layers ?? []).at(-1);
    if (chain === undefined || isChainKept(context, chain)) continue;
    throw new DuetError("not-found", "IMAGE_NOT_FOUND", `No such image: ${spec.source}`, {
      subject: `image ${spec.source}`,
      hint: "it was removed while the container was made; pull it again",
    });
  }
}

/** Whether an image has the layer, or a container that has it mounted. */
function isChainKept(context: EngineContext, chain: Digest): boolean {
  const others = context.store.containers.list().flatMap(({ mounts }) => mounts);
  const stacks = [...keptImages(context).map(({ diffIds }) => diffIds), ...others.map(layersOf)];
  return stacks.some((diffIds) => chainIds(diffIds).includes(chain));
}

function layersOf({ layers }: MountRecord): readonly Digest[] {
  return layers ?? [];
}

async function checkBindSource(mount: MountSpec): Promise<void> {
  const { source } = mount;
  if (!isAbsolute(source) || source.includes("\0")) {
    throw new DuetError(
      "invalid",
      "BIND_SOURCE",
      `invalid mount path: '${source}' mount path must be absolute`,
    );
  }
  try {
    await stat(source);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    if (mount.createSource) {
      await mkdir(source, { recursive: true, mode: 0o755 });
      return;
    }
    throw new DuetError(
      "invalid",
      "BIND_SOURCE",
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
      { hint: "make the folder first, or use -v, which makes it" },
    );
  }
}

function mountsFrom(context: EngineContext, source: string): readonly MountRecord[] {
  if (source === "") {
    throw new DuetError(
      "invalid",
      "VOLUMES_FROM",
      "volumes-from specification cannot be an empty string",
    );
  }
  const at = source.indexOf(":");
  const reference = at < 0 ? source : source.slice(0, at);
  const mode = at < 0 ? "" : source.slice(at + 1);
  const words = mode === "" ? [] : mode.split(",");
  const isValid =
    words.every((word) => ["rw", "ro", "z", "Z"].includes(word)) &&
    words.filter((word) => word === "rw" || word === "ro").length <= 1 &&
    words.filter((word) => word === "z" || word === "Z").length <= 1;
  if (!isValid) throw new DuetError("invalid", "VOLUMES_FROM", `invalid mode: ${mode}`);
  const record = findContainer(context, reference);
  return record.mounts
    .filter((mount) => mount.spec.kind !== "tmpfs")
    .map((mount) => {
      const readonly = mount.readonly || words.includes("ro");
      return { ...mount, readonly, ...(mode === "" ? {} : { mode }) };
    });
}
