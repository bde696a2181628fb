import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { removeCgroups } from "./daemon.ts";

const hierarchyRoot = "/sys/fs/cgroup";
const endMilliseconds = 30_000;
const lookMilliseconds = 50;

/**
 * Kills what engines of a run left behind, such as workloads of a measurement that broke off and the shims
 * that hold them: every process in the cgroup NAME or below it, and every one whose argv names `folder`,
 * which is of that run alone. Their mounts and networks go with them. Removes the cgroup. Throws where a
 * process stays.
 */
export async function endLeftovers(folder: string, name: string): Promise<void> {
  const end = performance.now() + endMilliseconds;
  for (;;) {
    const left = await leftOf(folder, name);
    if (left.length === 0) break;
    if (performance.now() > end) throw new Error(`processes ${left.join(", ")} of ${folder} stay`);
    for (const pid of left) kill(pid);
    await delay(lookMilliseconds);
  }
  await removeCgroups(name);
}

async function leftOf(folder: string, name: string): Promise<readonly number[]> {
  const found = new Set<number>();
  for (const hierarchy of ["", ...(await readdir(hierarchyRoot))])
    await addMembers(join(hierarchyRoot, hierarchy, name), found);
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, "latin1").catch(() => "");
    if (line.includes(folder)) found.add(Number(entry));
  }
  found.delete(process.pid);
  return [...found];
}

async function addMembers(cgroup: string, found: Set<number>): Promise<void> {
  const entries = await readdir(cgroup, { withFileTypes: true }).catch(() => []);
  for (const entry of entries)
    if (entry.isDirectory()) await addMembers(join(cgroup, entry.name), found);
  const members = await readFile(join(cgroup, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of members.split("\n")) if (pid !== "" && pid !== "0") found.add(Number(pid));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
