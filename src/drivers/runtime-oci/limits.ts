import type { ResourceLimits } from "../../domain/limits.ts";
import type { Cgroup } from "./cgroup.ts";
import { resolveLimits, type ResolvedLimits } from "./resources.ts";

/** Writes changed limits into a running workload's cgroups; what is not given stays as it is. */
export async function updateLimits(cgroup: Cgroup, limits: ResourceLimits): Promise<void> {
  const resolved = resolveLimits(limits);
  if (cgroup.host.version === 2) await updateSecond(cgroup, resolved);
  else await updateFirst(cgroup, resolved);
}

async function updateFirst(cgroup: Cgroup, limits: ResolvedLimits): Promise<void> {
  await updateMemoryFirst(cgroup, limits);
  const writes: [string, string, number | string | undefined][] = [
    ["memory", "memory.soft_limit_in_bytes", limits.reservation],
    ["memory", "memory.swappiness", limits.swappiness],
    ["cpu", "cpu.shares", limits.shares],
    ["cpu", "cpu.cfs_period_us", limits.period],
    ["cpu", "cpu.cfs_quota_us", limits.quota],
    ["cpuset", "cpuset.cpus", limits.cpus],
    ["cpuset", "cpuset.mems", limits.mems],
    ["pids", "pids.max", limits.pids < 0 ? "max" : limits.pids],
    ["blkio", "blkio.weight", limits.blkioWeight],
  ];
  await writeAll(cgroup, writes);
}

/** Memory must never be over memory and swap, so the order depends on the direction. */
async function updateMemoryFirst(cgroup: Cgroup, limits: ResolvedLimits): Promise<void> {
  const memory: [string, string, number | undefined] = [
    "memory",
    "memory.limit_in_bytes",
    limits.memory,
  ];
  const both: [string, string, number | undefined] = [
    "memory",
    "memory.memsw.limit_in_bytes",
    (await cgroup.read("memory", "memory.memsw.limit_in_bytes")) === undefined
      ? undefined
      : limits.memoryAndSwap,
  ];
  const current = Number(await cgroup.read("memory", "memory.limit_in_bytes"));
  const shrinks = limits.memory !== undefined && limits.memory < current;
  await writeAll(cgroup, shrinks ? [memory, both] : [both, memory]);
}

async function updateSecond(cgroup: Cgroup, limits: ResolvedLimits): Promise<void> {
  const quota =
    limits.quota === undefined ? undefined : limits.quota < 0 ? "max" : String(limits.quota);
  const cpuMax = quota === undefined ? undefined : `${quota} ${limits.period ?? 100_000}`;
  const writes: [string, string, number | string | undefined][] = [
    ["memory", "memory.max", limits.memory],
    ["memory", "memory.swap.max", swapAlone(limits)],
    ["memory", "memory.low", limits.reservation],
    ["cpu", "cpu.weight", limits.shares === undefined ? undefined : weightOfShares(limits.shares)],
    ["cpu", "cpu.max", cpuMax],
    ["cpuset", "cpuset.cpus", limits.cpus],
    ["cpuset", "cpuset.mems", limits.mems],
    ["pids", "pids.max", limits.pids < 0 ? "max" : limits.pids],
  ];
  await writeAll(cgroup, writes);
}

function swapAlone(limits: ResolvedLimits): number | string | undefined {
  if (limits.memoryAndSwap === undefined) return undefined;
  if (limits.memoryAndSwap < 0) return "max";
  return Math.max(0, limits.memoryAndSwap - (limits.memory ?? 0));
}

/** 2…262144 to 1…10000, as runc and systemd convert. */
function weightOfShares(shares: number): number {
  return Math.floor(1 + ((Math.min(Math.max(shares, 2), 262_144) - 2) * 9999) / 262_142);
}

async function writeAll(
  cgroup: Cgroup,
  writes: readonly (readonly [string, string, number | string | undefined])[],
): Promise<void> {
  for (const [controller, file, value] of writes) {
    if (value !== undefined) await cgroup.write(controller, file, String(value));
  }
}
