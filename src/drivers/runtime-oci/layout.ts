import { rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { WorkloadSpec } from "../../domain/runtime.ts";
import { errnoOf } from "../../kit/errors.ts";
import { removeOwnFolder } from "../../kit/remove-folder.ts";
import { run } from "../../kit/subprocess.ts";

/** Where a workload's things are. */
export interface Layout {
  /** Mount point of the root, in the shim's mount namespace. */
  readonly root: string;
  /** The OCI runtime's own state. */
  readonly runtimeState: string;
  /** Folder of config.json. */
  readonly bundle: string;
  readonly exitRecord: string;
  /** Contents of /etc/hosts and the like; durable, for the workload may change them. */
  readonly files: string;
}

export function layoutOf(spec: Pick<WorkloadSpec, "runDirectory" | "stateDirectory">): Layout {
  return {
    root: join(spec.runDirectory, "root"),
    runtimeState: join(spec.runDirectory, "oci"),
    bundle: spec.runDirectory,
    exitRecord: exitRecordPath(spec.stateDirectory),
    files: join(spec.stateDirectory, filesFolder),
  };
}

/** Name of the folder of engine's files in a state directory. */
export const filesFolder = "files";

/** Where in their folder the file with this path in the workload is. */
export function filePath(folder: string, target: string): string {
  return join(folder, encodeURIComponent(target.replace(/^\//, "")));
}

export function exitRecordPath(stateDirectory: string): string {
  return join(stateDirectory, "exit.json");
}

/** Mounts with shared propagation have to reach the host, so such a shim keeps the host's mount namespace. */
export function keepsHostMounts(spec: Pick<WorkloadSpec, "mounts">): boolean {
  return spec.mounts.some(
    (mount) => mount.propagation === "shared" || mount.propagation === "rshared",
  );
}

/**
 * Removes the run directory of a workload whose shim has ended. The root's mount point is only ever
 * removed empty: what may still be mounted there is the user's data.
 */
export async function removeRunDirectory(runDirectory: string, signal: AbortSignal): Promise<void> {
  const root = join(runDirectory, "root");
  if (!(await isRemoved(root))) {
    await run("umount", ["--lazy", "--", root], { signal, okCodes: [0, 32] });
    await rmdir(root);
  }
  await removeOwnFolder(runDirectory);
}

/** Whether the empty folder is gone now; false where something is mounted on it. */
async function isRemoved(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EBUSY") return false;
    if (errno === "ENOENT") return true;
    throw error;
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
