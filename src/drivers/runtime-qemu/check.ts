import { readFileSync } from "node:fs";
import { checkAvailable } from "../../domain/cpuset.ts";
import type { ResourceLimits, SecuritySpec } from "../../domain/limits.ts";
import type { Acceptance, WorkloadSpec } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import { capabilityMask } from "./capabilities.ts";
import { isUlimit } from "./guest-fields.ts";

type Checked = Pick<WorkloadSpec, "mounts" | "resources" | "security" | "network" | "init">;

/**
 * Refuses, with `unsupported` VM_CANNOT, what a guest of its own kernel cannot share with the host, and
 * limits that would not hold; drops, with a warning, hints that have no meaning for a machine.
 */
export function checkWorkload(spec: Checked): Acceptance {
  const { security, network, mounts, resources } = spec;
  if (network.kind === "host" || network.kind === "join")
    refuse("share a network namespace", "use a network of Duet");
  if (security.pidMode !== "") refuse("share a process namespace", "leave out --pid");
  if (security.ipcMode !== "" && security.ipcMode !== "private") {
    refuse("share an IPC namespace, or be without one", "leave out --ipc");
  }
  if (security.utsMode === "host") refuse("share the host's name", "leave out --uts");
  if (security.usernsMode === "host") refuse("share the host's users", "leave out --userns");
  if (security.cgroupnsMode === "host") refuse("share the host's cgroups", "leave out --cgroupns");
  if (security.devices.length > 0) refuse("use devices of the host", "leave out --device");
  if (security.deviceCgroupRules.length > 0)
    refuse("use devices of the host", "leave out --device-cgroup-rule");
  if ((security.deviceRequests ?? []).length > 0)
    refuse("use devices of the host", "leave out --gpus");
  checkProfiles(security);
  if (security.writableCgroups === true)
    refuse("write to cgroups of the host", "leave out writable-cgroups");
  mounts.forEach(checkMount);
  if (resources.cgroupParent !== "") refuse("be put below a cgroup", "leave out --cgroup-parent");
  const ulimit = resources.ulimits.find(({ name }) => !isUlimit(name));
  if (ulimit !== undefined)
    throw new DuetError("invalid", "ULIMIT_UNKNOWN", `unknown ulimit: ${ulimit.name}`);
  checkAvailable("CPUs", resources.cpusetCpus, onlineOf("cpu"));
  checkAvailable("memory nodes", resources.cpusetMems, onlineOf("node"));
  capabilityMask(security);
  return acceptLimits(resources);
}

/** The host's processors or memory nodes, on which QEMU runs; "" where it does not say. */
function onlineOf(kind: "cpu" | "node"): string {
  try {
    return readFileSync(`/sys/devices/system/${kind}/online`, "utf8").trim();
  } catch {
    return "";
  }
}

/** A filter of the host's would be QEMU's, and that has one of its own. */
function checkProfiles({ seccomp, apparmor }: SecuritySpec): void {
  if (seccomp !== "" && seccomp !== "default" && seccomp !== "unconfined") {
    refuse("be held to a seccomp profile", "its kernel is its own: leave out seccomp=");
  }
  if (apparmor !== "" && apparmor !== "unconfined") {
    refuse("be held to an AppArmor profile", "its kernel is its own: leave out apparmor=");
  }
}

function checkMount(mount: Checked["mounts"][number]): void {
  if (/shared$|slave$/.test(mount.propagation)) {
    refuse("exchange mounts with the host", "use private propagation");
  }
  if (mount.nonRecursive || mount.readonlyDepth === "top") {
    refuse("leave out what is mounted below a folder", "leave out bind-recursive");
  }
}

function acceptLimits(asked: ResourceLimits): Acceptance {
  if ((asked.blockDevices ?? []).some(({ kind }) => kind !== "weight")) {
    refuse(
      "be held to a rate on a block device of the host",
      "leave out --device-read-bps and the like",
    );
  }
  const warnings: string[] = [];
  let resources = asked;
  const drop = (name: string, change: Partial<ResourceLimits>): void => {
    warnings.push(`${name} has no meaning for a virtual machine. ${name} discarded.`);
    resources = { ...resources, ...change };
  };
  if (resources.memorySwap > resources.memory || resources.memorySwap < 0) {
    warnings.push("A virtual machine has no swap. Memory limited without swap.");
    resources = { ...resources, memorySwap: resources.memory };
  }
  if (resources.memorySwappiness !== null) drop("Memory swappiness", { memorySwappiness: null });
  if (resources.memoryReservation > 0) drop("Memory reservation", { memoryReservation: 0 });
  if (resources.oomKillDisable) drop("OomKillDisable", { oomKillDisable: false });
  if (resources.blkioWeight > 0) drop("Block I/O weight", { blkioWeight: 0 });
  if ((resources.blockDevices ?? []).length > 0)
    drop("Block I/O weight-device", { blockDevices: [] });
  const { cpuRealtimePeriod = 0, cpuRealtimeRuntime = 0 } = resources;
  if (cpuRealtimePeriod !== 0 || cpuRealtimeRuntime !== 0) {
    drop("CPU real-time period/runtime", { cpuRealtimePeriod: 0, cpuRealtimeRuntime: 0 });
  }
  return { resources, warnings };
}

function refuse(what: string, hint: string): never {
  throw new DuetError("unsupported", "VM_CANNOT", `a virtual machine cannot ${what}`, {
    hint,
    http: 400,
  });
}
