import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import type { WorkloadStats } from "../../domain/runtime.ts";
import type { AnswerFields } from "../../domain/shim.ts";
import { fieldTag } from "../../spec/workload.ts";
import type { CgroupUsage } from "./cgroup.ts";
import type { Qmp } from "./qmp.ts";

/** Bytes that the guest has read and written on its root disk. */
export interface DiskUsage {
  readonly read: number;
  readonly written: number;
}

/** As QEMU counts them (qemu-qmp-ref, query-blockstats). */
export async function diskUsage(qmp: Qmp, signal: AbortSignal): Promise<DiskUsage> {
  const answer = await qmp.execute("query-blockstats", {}, signal);
  for (const device of Array.isArray(answer) ? answer : []) {
    const name = property(device, "qdev");
    if (typeof name !== "string" || !name.includes("root-device")) continue;
    const stats = property(device, "stats");
    return { read: count(stats, "rd_bytes"), written: count(stats, "wr_bytes") };
  }
  return { read: 0, written: 0 };
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function count(value: unknown, name: string): number {
  const found = property(value, name);
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : 0;
}

/** What the host sees of QEMU, and what the guest sees of its memory and processes. */
export async function workloadStats(
  usage: CgroupUsage,
  guest: AnswerFields | undefined,
  disk: DiskUsage,
): Promise<WorkloadStats> {
  const total = guest?.number(fieldTag.memoryTotal, 0) ?? 0;
  const available = guest?.number(fieldTag.memoryAvailable, 0) ?? 0;
  const limit = guest?.number(fieldTag.memoryLimit, 0) ?? 0;
  const cached = guest?.number(fieldTag.memoryCached, 0) ?? 0;
  return {
    readAt: Date.now(),
    cpuTotal: usage.total,
    cpuUser: usage.user,
    cpuKernel: usage.kernel,
    systemCpu: await systemCpu(),
    onlineCpus: cpus().length,
    memoryUsage: total > 0 ? total - available : usage.memory,
    memoryLimit: limit > 0 ? Math.min(limit, total) : total,
    memoryDetail: { cache: cached, emulator: usage.memory },
    pids: guest?.number(fieldTag.pids, 0) ?? 0,
    pidsLimit: guest?.number(fieldTag.pidsLimit, 0) ?? 0,
    blockRead: disk.read,
    blockWritten: disk.written,
    throttled: usage.throttled,
  };
}

/** Nanoseconds of all processors of the host since boot (proc(5), /proc/stat in hundredths of a second). */
async function systemCpu(): Promise<number> {
  const text = await readFile("/proc/stat", "utf8");
  const ticks = text.slice(0, text.indexOf("\n")).split(/\s+/).slice(1, 9).map(Number);
  return ticks.reduce((sum, value) => sum + value, 0) * 10_000_000;
}
