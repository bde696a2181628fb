import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { WorkloadHandle } from "../../domain/container.ts";
import type { ObjectId } from "../../domain/identity.ts";
import { Cgroup } from "./cgroup.ts";
import type { Machine } from "./machine.ts";

const ownerFile = "owner";

/** Notes whose VM this is, so that it is found when its shim is gone. */
export async function own(machine: Pick<Machine, "directory">, id: ObjectId): Promise<void> {
  await writeFile(join(machine.directory, ownerFile), id, { mode: 0o600 });
}

/** Name of the VM behind a workload's handle. */
export function machineNameOf(handle: WorkloadHandle): string {
  return basename(dirname(handle.socket));
}

export function machineDirectory(runDirectory: string, name: string): string {
  return join(runDirectory, name);
}

/** Removes the VMs that `unwanted` accepts by owner ("" for one without a workload): processes, cgroup, folder. */
export async function sweepMachines(
  runDirectory: string,
  cgroupParent: string,
  unwanted: (owner: string) => boolean,
): Promise<void> {
  for (const name of await readdir(runDirectory).catch(() => [])) {
    if (!/^[0-9a-f]{8}$/.test(name)) continue;
    const directory = join(runDirectory, name);
    const owner = await readFile(join(directory, ownerFile), "utf8").catch(() => "");
    if (unwanted(owner)) await removeMachine(runDirectory, cgroupParent, name);
  }
}

/** Kills what is left of a VM and removes its cgroup and folder; idempotent. */
export async function removeMachine(
  runDirectory: string,
  cgroupParent: string,
  name: string,
): Promise<void> {
  const cgroup = await Cgroup.open(join(cgroupParent, `vm-${name}`));
  await cgroup.remove();
  await rm(join(runDirectory, name), { recursive: true, force: true });
}
