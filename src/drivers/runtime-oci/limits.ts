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
    ["cpu", "cpu.rt_period_us", limits.realtimePeriod],
    ["cpu", "cpu.rt_runtime_us", limits.realtimeRuntime],
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
  const writes: (readonly [string, string, number | string | undefined])[] = [
    ["memory", "memory.max", limits.memory],
    ["memory", "memory.swap.max", await swapAlone(cgroup, limits)],
    ["memory", "memory.low", limits.reservation],
    ["cpu", "cpu.weight", limits.shares === undefined ? undefined : weightOfShares(limits.shares)],
    ["cpu", "cpu.max", await cpuMax(cgroup, limits)],
    ["cpuset", "cpuset.cpus", limits.cpus],
    ["cpuset", "cpuset.mems", limits.mems],
    ["pids", "pids.max", limits.pids < 0 ? "max" : limits.pids],
    await blockWeight(cgroup, limits),
  ];
  await writeAll(cgroup, writes);
}

/** Quota and period are one file: what is not given is read from it. */
async function cpuMax(cgroup: Cgroup, limits: ResolvedLimits): Promise<string | undefined> {
  if (limits.quota === undefined && limits.period === undefined) return undefined;
  const [quota = "max", period = "100000"] =
    (await cgroup.read("cpu", "cpu.max"))?.split(" ") ?? [];
  const given = limits.quota === undefined ? quota : limits.quota < 0 ? "max" : limits.quota;
  return `${given} ${limits.period ?? period}`;
}

/** Undefined also where the kernel does not count swap. */
async function swapAlone(
  cgroup: Cgroup,
  limits: ResolvedLimits,
): Promise<number | string | undefined> {
  if (limits.memoryAndSwap === undefined) return undefined;
  if ((await cgroup.read("memory", "memory.swap.max")) === undefined) return undefined;
  if (limits.memoryAndSwap < 0) return "max";
  return Math.max(0, limits.memoryAndSwap - (limits.memory ?? 0));
}

/** 2…262144 to 1…10000, as runc and systemd convert. */
function weightOfShares(shares: number): number {
  return Math.floor(1 + ((Math.min(Math.max(shares, 2), 262_144) - 2) * 9999) / 262_142);
}

/** The BFQ scheduler, where it is loaded, takes 10…1000 as they are; others 1…10000, as runc converts. */
async function blockWeight(
  cgroup: Cgroup,
  { blkioWeight }: ResolvedLimits,
): Promise<readonly [string, string, number | string | undefined]> {
  if ((await cgroup.read("io", "io.bfq.weight")) !== undefined)
    return ["io", "io.bfq.weight", blkioWeight];
  const weight =
    blkioWeight === undefined ? undefined : Math.floor(1 + ((blkioWeight - 10) * 9999) / 990);
  return ["io", "io.weight", weight];
}

async function writeAll(
  cgroup: Cgroup,
  writes: readonly (readonly [string, string, number | string | undefined])[],
): Promise<void> {
  for (const [controller, file, value] of writes) {
    if (value !== undefined) await cgroup.write(controller, file, String(value));
  }
}
