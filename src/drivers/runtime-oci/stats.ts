import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import type { BlockCount, WorkloadStats } from "../../domain/runtime.ts";
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
  const [total, each, split, usage, peak, failures, limit, detail, throttle, io, operations] =
    await Promise.all([
      cgroup.read("cpuacct", "cpuacct.usage"),
      cgroup.read("cpuacct", "cpuacct.usage_percpu"),
      cgroup.read("cpuacct", "cpuacct.stat"),
      cgroup.read("memory", "memory.usage_in_bytes"),
      cgroup.read("memory", "memory.max_usage_in_bytes"),
      cgroup.read("memory", "memory.failcnt"),
      cgroup.read("memory", "memory.limit_in_bytes"),
      cgroup.read("memory", "memory.stat"),
      cgroup.read("cpu", "cpu.stat"),
      cgroup.read("blkio", "blkio.throttle.io_service_bytes_recursive"),
      cgroup.read("blkio", "blkio.throttle.io_serviced_recursive"),
    ]);
  const times = table(split);
  const periods = table(throttle);
  return {
    cpuTotal: count(total),
    cpuUser: (times["user"] ?? 0) * nanosecondsPerTick,
    cpuKernel: (times["system"] ?? 0) * nanosecondsPerTick,
    cpuEach: (each ?? "").split(" ").filter(Boolean).map(Number),
    memoryUsage: count(usage),
    memoryPeak: count(peak),
    memoryFailures: count(failures),
    memoryLimit: count(limit),
    memoryDetail: table(detail),
    blockRead: sumOf(io, / Read (\d+)$/gm),
    blockWritten: sumOf(io, / Write (\d+)$/gm),
    blockBytes: countsOfFirst(io),
    blockOperations: countsOfFirst(operations),
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
    blockBytes: countsOfSecond(io, { rbytes: "read", wbytes: "write" }),
    throttled: {
      periods: times["nr_periods"] ?? 0,
      throttledPeriods: times["nr_throttled"] ?? 0,
      time: (times["throttled_usec"] ?? 0) * 1000,
    },
  };
}

/** Lines such as `254:0 Read 4096`, of each device. */
function countsOfFirst(text: string | undefined): readonly BlockCount[] {
  return [...(text ?? "").matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map((match) => ({
    major: Number(match[1]),
    minor: Number(match[2]),
    operation: match[3] ?? "",
    value: Number(match[4]),
  }));
}

/** Lines such as `254:0 rbytes=4096 wbytes=0 rios=1 ...`; `names` are Docker's words for the fields. */
function countsOfSecond(
  text: string | undefined,
  names: Readonly<Record<string, string>>,
): readonly BlockCount[] {
  return [...(text ?? "").matchAll(/^(\d+):(\d+) (.*)$/gm)].flatMap((match) => {
    const fields = new Map((match[3] ?? "").split(" ").map((pair) => pairOf(pair)));
    return Object.entries(names).map(([name, operation]) => ({
      major: Number(match[1]),
      minor: Number(match[2]),
      operation,
      value: count(fields.get(name)),
    }));
  });
}

function pairOf(text: string): readonly [string, string] {
  const [name = "", value = ""] = text.split("=");
  return [name, value];
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
