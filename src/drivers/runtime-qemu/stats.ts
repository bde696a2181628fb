import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import type { WorkloadStats } from "../../domain/runtime.ts";
import type { AnswerFields } from "../../domain/shim.ts";
import { fieldTag } from "../../spec/workload.ts";
import type { CgroupUsage } from "./cgroup.ts";

/** What the host sees of QEMU, and what the guest sees of its memory. */
export async function workloadStats(
  usage: CgroupUsage,
  guest: AnswerFields | undefined,
  limits: { readonly memory: number; readonly pids: number },
): Promise<WorkloadStats> {
  const total = guest?.number(fieldTag.memoryTotal, 0) ?? 0;
  const available = guest?.number(fieldTag.memoryAvailable, 0) ?? 0;
  const cached = guest?.number(fieldTag.memoryCached, 0) ?? 0;
  return {
    readAt: Date.now(),
    cpuTotal: usage.total,
    cpuUser: usage.user,
    cpuKernel: usage.kernel,
    systemCpu: await systemCpu(),
    onlineCpus: cpus().length,
    memoryUsage: total > 0 ? total - available : usage.memory,
    memoryLimit: limits.memory > 0 ? limits.memory : total,
    memoryDetail: { cache: cached, emulator: usage.memory },
    pids: usage.threads,
    pidsLimit: limits.pids,
    blockRead: 0,
    blockWritten: 0,
    throttled: usage.throttled,
  };
}

/** Nanoseconds of all processors of the host since boot (proc(5), /proc/stat in hundredths of a second). */
async function systemCpu(): Promise<number> {
  const text = await readFile("/proc/stat", "utf8");
  const ticks = text.slice(0, text.indexOf("\n")).split(/\s+/).slice(1, 9).map(Number);
  return ticks.reduce((sum, value) => sum + value, 0) * 10_000_000;
}
