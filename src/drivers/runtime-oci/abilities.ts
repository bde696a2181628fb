import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hasAppArmor } from "./apparmor.ts";
import type { CgroupHost } from "./cgroup.ts";

/** What limits this host has means for; Docker's pkg/sysinfo asks the same. */
export interface HostAbilities {
  readonly version: 1 | 2;
  readonly memory: boolean;
  readonly swap: boolean;
  readonly reservation: boolean;
  readonly swappiness: boolean;
  readonly oomKillDisable: boolean;
  readonly pids: boolean;
  readonly shares: boolean;
  readonly quota: boolean;
  readonly realtime: boolean;
  readonly cpuset: boolean;
  /** Such as `0-3`; "" where it is not known. */
  readonly cpus: string;
  readonly memoryNodes: string;
  readonly blockWeight: boolean;
  readonly blockDeviceWeight: boolean;
  readonly blockRates: boolean;
  /** Hard limits over which no process of this daemon can go, by ulimit name. */
  readonly ceilings: LimitCeilings;
  readonly apparmor: boolean;
  /** The least oom_score_adj that a process of this daemon can have. */
  readonly lowestOomScore: number;
}

export type LimitCeilings = Readonly<Record<string, number>>;

/** CAP_SYS_RESOURCE of capabilities(7): raises hard limits and lowers oom_score_adj. */
const sysResource = 24n;

export function readAbilities(host: CgroupHost, capabilities: bigint): HostAbilities {
  const may = ((capabilities >> sysResource) & 1n) === 1n;
  return {
    version: host.version,
    ...(host.version === 2 ? secondVersion(host.unified) : firstVersion(host)),
    apparmor: hasAppArmor(),
    ceilings: may ? { nofile: maximumOpenFiles() } : ownHardLimits(),
    lowestOomScore: may ? -1000 : Number(read("/proc/self/oom_score_adj")) || 0,
  };
}

type CgroupAbilities = Omit<HostAbilities, "version" | "apparmor" | "ceilings" | "lowestOomScore">;

function firstVersion(host: CgroupHost): CgroupAbilities {
  const has = (controller: string, ...files: string[]): boolean => {
    const root = host.controllers[controller];
    return root !== undefined && files.every((file) => existsSync(join(root, file)));
  };
  const set = host.controllers["cpuset"] ?? "";
  return {
    memory: has("memory", "memory.limit_in_bytes"),
    swap: has("memory", "memory.memsw.limit_in_bytes"),
    reservation: has("memory", "memory.soft_limit_in_bytes"),
    swappiness: has("memory", "memory.swappiness"),
    oomKillDisable: has("memory", "memory.oom_control"),
    pids: has("pids"),
    shares: has("cpu", "cpu.shares"),
    quota: has("cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
    realtime: has("cpu", "cpu.rt_period_us", "cpu.rt_runtime_us"),
    cpuset: has("cpuset", "cpuset.cpus"),
    cpus: set === "" ? "" : read(join(set, "cpuset.cpus")),
    memoryNodes: set === "" ? "" : read(join(set, "cpuset.mems")),
    blockWeight: has("blkio", "blkio.weight"),
    blockDeviceWeight: has("blkio", "blkio.weight_device"),
    blockRates: has(
      "blkio",
      ...["read_bps", "write_bps", "read_iops", "write_iops"].map(
        (name) => `blkio.throttle.${name}_device`,
      ),
    ),
  };
}

function secondVersion(root: string): CgroupAbilities {
  const controllers = new Set(read(join(root, "cgroup.controllers")).split(" "));
  const memory = controllers.has("memory");
  const io = controllers.has("io");
  return {
    memory,
    swap: memory && existsSync("/proc/swaps"),
    reservation: memory,
    swappiness: false,
    oomKillDisable: false,
    pids: controllers.has("pids"),
    shares: controllers.has("cpu"),
    quota: controllers.has("cpu"),
    realtime: false,
    cpuset: controllers.has("cpuset"),
    cpus: read(join(root, "cpuset.cpus.effective")),
    memoryNodes: read(join(root, "cpuset.mems.effective")),
    blockWeight: io,
    blockDeviceWeight: io,
    blockRates: io,
  };
}

/** setrlimit(2): over it not even root may go. */
function maximumOpenFiles(): number {
  return Number(read("/proc/sys/fs/nr_open")) || Number.MAX_SAFE_INTEGER;
}

/** proc(5), /proc/pid/limits, by ulimit name. */
const limitTitles: Readonly<Record<string, string>> = {
  "Max cpu time": "cpu",
  "Max file size": "fsize",
  "Max data size": "data",
  "Max stack size": "stack",
  "Max core file size": "core",
  "Max resident set": "rss",
  "Max processes": "nproc",
  "Max open files": "nofile",
  "Max locked memory": "memlock",
  "Max address space": "as",
  "Max file locks": "locks",
  "Max pending signals": "sigpending",
  "Max msgqueue size": "msgqueue",
  "Max nice priority": "nice",
  "Max realtime priority": "rtprio",
  "Max realtime timeout": "rttime",
};

function ownHardLimits(): LimitCeilings {
  const ceilings: Record<string, number> = {};
  for (const line of read("/proc/self/limits").split("\n")) {
    const match = /^(Max .*?)\s{2,}\S+\s+(\d+)/.exec(line);
    const name = limitTitles[match?.[1] ?? ""];
    if (name !== undefined) ceilings[name] = Number(match?.[2]);
  }
  return ceilings;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
