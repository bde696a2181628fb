import { access } from "node:fs/promises";

/** 2 where the unified hierarchy stands at /sys/fs/cgroup itself, else 1 (cgroups(7)). */
export async function cgroupVersion(): Promise<"1" | "2"> {
  try {
    await access("/sys/fs/cgroup/cgroup.controllers");
    return "2";
  } catch {
    return "1";
  }
}
