import { readdir, readFile } from "node:fs/promises";
import { DuetError } from "../kit/errors.ts";

export interface Memory {
  /** Proportional set size: shared pages divided among their users. MiB. */
  readonly proportional: number;
  /** Pages of nobody else. MiB. */
  readonly private: number;
  /** Names of the processes counted. */
  readonly processes: readonly string[];
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/**
 * Memory of a workload's processes on this host: `pid`, everything below it, and its shim (the
 * parent, when it is one). Reads /proc/PID/smaps_rollup (proc(5)), which needs root.
 */
export async function memoryOfTree(pid: number): Promise<Memory> {
  const processes = await listProcesses();
  const main = processes.find((process) => process.pid === pid);
  if (main === undefined)
    throw new DuetError("not-found", "PROCESS_NOT_HERE", `process ${pid} is not on this host`);
  const shim = processes.find(
    (process) => process.pid === main.parent && process.name.startsWith("duet-shim"),
  );
  const members = descendants(processes, shim ?? main);
  let proportional = 0;
  let unshared = 0;
  for (const member of members) {
    const rollup = await readFile(`/proc/${member.pid}/smaps_rollup`, "utf8").catch(() => "");
    proportional += kibibytes(rollup, "Pss");
    unshared += kibibytes(rollup, "Private_Clean") + kibibytes(rollup, "Private_Dirty");
  }
  const names = members.map((member) => member.name);
  return { proportional: proportional / 1_024, private: unshared / 1_024, processes: names };
}

function descendants(processes: readonly Process[], root: Process): Process[] {
  const found = [root];
  for (const member of found)
    found.push(...processes.filter((process) => process.parent === member.pid));
  return found;
}

async function listProcesses(): Promise<Process[]> {
  const names = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(names.map((name) => readProcess(Number(name))));
  return found.filter((process) => process !== null);
}

/** Fields 1, 2 and 4 of /proc/PID/stat; the name may hold anything and ends at the last bracket. */
async function readProcess(pid: number): Promise<Process | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const match = /^\d+ \(([^]*)\) \S (\d+)/.exec(text);
  return match === null ? null : { pid, parent: Number(match[2]), name: match[1]! };
}

function kibibytes(rollup: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1] ?? 0);
}
