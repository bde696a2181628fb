import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import type { WorkloadStats } from "../../domain/runtime.ts";
import type { Cgroup } from "./cgroup.ts";

const nanosecondsPerTick = 1e9 / 100;

/** What a workload uses at this moment, from its cgroup's files and /proc/stat. */
export async function readStats(cgroup: Cgroup): Promise<WorkloadStats> {
  const [own, system, pids, pidsLimit] = await Promise.all([
    cgroup.host.version === 2 ? readSecond(cgroup) : readFirst(cgroup),
    readSystemCpu(),
    cgroup.read("pids", "pids.current"),
    cgroup.read("pids", "pids.max"),
  ]);
  const limit = own.memoryLimit > 0 && own.memoryLimit < totalmem() ? own.memoryLimit : totalmem();
  return {
    ...own,
    ...system,
    readAt: Date.now(),
    memoryLimit: limit,
    pids: count(pids),
    pidsLimit: count(pidsLimit),
  };
}

type OwnStats = Omit<WorkloadStats, "readAt" | "systemCpu" | "onlineCpus" | "pids" | "pidsLimit">;

async function readFirst(cgroup: Cgroup): Promise<OwnStats> {
  const [total, split, usage, limit, detail, throttle, io] = await Promise.all([
    cgroup.read("cpuacct", "cpuacct.usage"),
    cgroup.read("cpuacct", "cpuacct.stat"),
    cgroup.read("memory", "memory.usage_in_bytes"),
    cgroup.read("memory", "memory.limit_in_bytes"),
    cgroup.read("memory", "memory.stat"),
    cgroup.read("cpu", "cpu.stat"),
    cgroup.read("blkio", "blkio.throttle.io_service_bytes"),
  ]);
  const times = table(split);
  const periods = table(throttle);
  return {
    cpuTotal: count(total),
    cpuUser: (times["user"] ?? 0) * nanosecondsPerTick,
    cpuKernel: (times["system"] ?? 0) * nanosecondsPerTick,
    memoryUsage: count(usage),
    memoryLimit: count(limit),
    memoryDetail: table(detail),
    blockRead: sumOf(io, / Read (\d+)$/gm),
    blockWritten: sumOf(io, / Write (\d+)$/gm),
    throttled: {
      periods: periods["nr_periods"] ?? 0,
      throttledPeriods: periods["nr_throttled"] ?? 0,
      time: periods["throttled_time"] ?? 0,
    },
  };
}

async function readSecond(cgroup: Cgroup): Promise<OwnStats> {
  const [cpu, usage, limit, detail, io] = await Promise.all([
    cgroup.read("", "cpu.stat"),
    cgroup.read("", "memory.current"),
    cgroup.read("", "memory.max"),
    cgroup.read("", "memory.stat"),
    cgroup.read("", "io.stat"),
  ]);
  const times = table(cpu);
  return {
    cpuTotal: (times["usage_usec"] ?? 0) * 1000,
    cpuUser: (times["user_usec"] ?? 0) * 1000,
    cpuKernel: (times["system_usec"] ?? 0) * 1000,
    memoryUsage: count(usage),
    memoryLimit: count(limit),
    memoryDetail: table(detail),
    blockRead: sumOf(io, /\brbytes=(\d+)/g),
    blockWritten: sumOf(io, /\bwbytes=(\d+)/g),
    throttled: {
      periods: times["nr_periods"] ?? 0,
      throttledPeriods: times["nr_throttled"] ?? 0,
      time: (times["throttled_usec"] ?? 0) * 1000,
    },
  };
}

/** Processor time of the whole host but waiting for I/O in ticks, and how many processors there are. */
async function readSystemCpu(): Promise<{ systemCpu: number; onlineCpus: number }> {
  const lines = (await readFile("/proc/stat", "utf8")).split("\n");
  const ticks = (lines[0] ?? "").split(/\s+/).slice(1, 9).map(Number);
  return {
    systemCpu: ticks.reduce((sum, value) => sum + value, 0) * nanosecondsPerTick,
    onlineCpus: lines.filter((line) => /^cpu\d/.test(line)).length,
  };
}

/** A number; 0 for `max` and for what is not there. */
function count(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isFinite(value) ? value : 0;
}

function table(text: string | undefined): Readonly<Record<string, number>> {
  const entries = (text ?? "").split("\n").map((line) => line.split(" "));
  return Object.fromEntries(
    entries.filter((pair) => pair.length === 2).map(([name, value]) => [name, Number(value)]),
  );
}

function sumOf(text: string | undefined, pattern: RegExp): number {
  return [...(text ?? "").matchAll(pattern)].reduce((sum, match) => sum + Number(match[1]), 0);
}
