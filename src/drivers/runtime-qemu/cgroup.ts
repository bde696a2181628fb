import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ResourceLimits } from "../../domain/limits.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";

const mountPoint = "/sys/fs/cgroup";
/** Controllers of the first hierarchy version that a QEMU is put under. */
const controllers = ["memory", "cpu", "cpuacct", "pids"] as const;
/** Joined only where it is asked for: version 1 lets nobody into a set without processors. */
const setController = "cpuset";
/** QEMU's threads; a guest's own processes are counted inside the guest. */
const threadLimit = 128;
/** What QEMU needs beside the guest's memory: translated code, device models, buffers. */
const emulatorMemory = 512 << 20;
/** A QEMU with much memory on a busy host takes seconds to end. */
const removalMilliseconds = 30_000;
const lookMilliseconds = 10;

/** One cgroup by name on version 2, or in every version 1 hierarchy. */
export class Cgroup {
  readonly name: string;
  private readonly unified: boolean;

  private constructor(name: string, unified: boolean) {
    this.name = name;
    this.unified = unified;
  }

  static async open(name: string): Promise<Cgroup> {
    const unified = await access(join(mountPoint, "cgroup.controllers")).then(
      () => true,
      () => false,
    );
    return new Cgroup(name, unified);
  }

  private folder(controller: string): string {
    return this.unified ? join(mountPoint, this.name) : join(mountPoint, controller, this.name);
  }

  private async folders(): Promise<readonly string[]> {
    if (this.unified) return [this.folder("")];
    const found: string[] = [];
    for (const controller of controllers) {
      const present = await access(join(mountPoint, controller)).then(
        () => true,
        () => false,
      );
      if (present) found.push(this.folder(controller));
    }
    return [...new Set(found)];
  }

  /** Makes it with its parents; gives the `cgroup.procs` files to join. */
  async make(): Promise<readonly string[]> {
    const folders = await this.folders();
    for (const folder of folders) {
      await mkdir(folder, { recursive: true });
      if (this.unified) await enableControllers(folder);
    }
    return folders.map((folder) => join(folder, "cgroup.procs"));
  }

  /** Folder that tells of memory. */
  get memoryFolder(): string {
    return this.folder("memory");
  }

  /** Sets what QEMU, process `pid` where it runs, may use for a guest of `guestMemory` bytes. */
  async limit(resources: ResourceLimits, guestMemory: number, pid?: number): Promise<void> {
    const memory = `${guestMemory + emulatorMemory}`;
    await this.set("memory", this.unified ? "memory.max" : "memory.limit_in_bytes", memory);
    await this.set("pids", "pids.max", `${threadLimit}`);
    await this.limitProcessor(resources, pid);
  }

  /** The part of it that may change while QEMU runs. Throws `invalid` CPUSET_INVALID. */
  async limitProcessor(resources: ResourceLimits, pid?: number): Promise<void> {
    await this.choose(resources.cpusetCpus, resources.cpusetMems, pid);
    const period = resources.cpuPeriod || 100_000;
    const quota =
      resources.nanoCpus > 0 ? Math.ceil((resources.nanoCpus * period) / 1e9) : resources.cpuQuota;
    if (quota > 0 && this.unified) await this.set("cpu", "cpu.max", `${quota} ${period}`);
    if (quota > 0 && !this.unified) {
      await this.set("cpu", "cpu.cfs_period_us", `${period}`);
      await this.set("cpu", "cpu.cfs_quota_us", `${quota}`);
    }
    if (resources.cpuShares > 0) {
      const weight = 1 + Math.floor(((resources.cpuShares - 2) * 9999) / 262142);
      if (this.unified) await this.set("cpu", "cpu.weight", `${weight}`);
      else await this.set("cpu", "cpu.shares", `${resources.cpuShares}`);
    }
  }

  /** Ties a process to processors and memory nodes; "" leaves them. */
  private async choose(processors: string, nodes: string, pid?: number): Promise<void> {
    if (processors === "" && nodes === "") return;
    const folder = this.folder(setController);
    try {
      if (!this.unified) await makeSet(folder);
      if (processors !== "") await writeFile(join(folder, "cpuset.cpus"), processors);
      if (nodes !== "") await writeFile(join(folder, "cpuset.mems"), nodes);
      if (!this.unified && pid !== undefined) {
        await writeFile(join(folder, "cgroup.procs"), `${pid}`);
      }
    } catch (cause) {
      const chosen = `processors ${processors || "any"}, memory nodes ${nodes || "any"}`;
      throw new DuetError(
        "invalid",
        "CPUSET_INVALID",
        `this host cannot give a virtual machine ${chosen}`,
        { cause },
      );
    }
  }

  private async set(controller: string, file: string, value: string): Promise<void> {
    try {
      await writeFile(join(this.folder(controller), file), value);
    } catch (error) {
      /* The host has not this controller: doctor says so. */
      if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "EACCES") throw error;
    }
  }

  /** Nanoseconds of processor time and bytes of memory used so far, and the number of threads. */
  async usage(): Promise<CgroupUsage> {
    if (this.unified) {
      const processor = await this.table("cpu", "cpu.stat");
      return {
        total: (processor.get("usage_usec") ?? 0) * 1000,
        user: (processor.get("user_usec") ?? 0) * 1000,
        kernel: (processor.get("system_usec") ?? 0) * 1000,
        memory: await this.number("memory", "memory.current"),
        threads: await this.number("pids", "pids.current"),
        throttled: await this.throttled(),
      };
    }
    return {
      total: await this.number("cpuacct", "cpuacct.usage"),
      user: await this.number("cpuacct", "cpuacct.usage_user"),
      kernel: await this.number("cpuacct", "cpuacct.usage_sys"),
      memory: await this.number("memory", "memory.usage_in_bytes"),
      threads: await this.number("pids", "pids.current"),
      throttled: await this.throttled(),
    };
  }

  private async throttled(): Promise<CgroupUsage["throttled"]> {
    const table = await this.table("cpu", "cpu.stat");
    const time = table.get("throttled_time") ?? (table.get("throttled_usec") ?? 0) * 1000;
    return {
      periods: table.get("nr_periods") ?? 0,
      throttledPeriods: table.get("nr_throttled") ?? 0,
      time,
    };
  }

  private async number(controller: string, file: string): Promise<number> {
    const text = await readFile(join(this.folder(controller), file), "utf8").catch(() => "0");
    return Number(text.trim()) || 0;
  }

  private async table(controller: string, file: string): Promise<ReadonlyMap<string, number>> {
    const text = await readFile(join(this.folder(controller), file), "utf8").catch(() => "");
    const rows = text.split("\n").map((line) => line.split(" "));
    return new Map(rows.map(([name = "", value = "0"]) => [name, Number(value)]));
  }

  /** Pids in it. */
  async members(): Promise<readonly number[]> {
    const [folder] = await this.folders();
    if (folder === undefined) return [];
    const text = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
    return text.split("\n").filter(Boolean).map(Number);
  }

  /** Kills what is in it and removes it, once the last process has left; idempotent. Throws `timeout` CGROUP_BUSY. */
  async remove(): Promise<void> {
    const set = this.unified ? [] : [this.folder(setController)];
    const folders = [...(await this.folders()), ...set];
    const end = performance.now() + removalMilliseconds;
    for (;;) {
      for (const pid of await this.members()) kill(pid);
      const gone = await Promise.all(folders.map(removeFolder));
      if (!gone.includes(false)) return;
      if (performance.now() > end) {
        throw new DuetError(
          "timeout",
          "CGROUP_BUSY",
          `processes that were killed have not left their cgroup in ${removalMilliseconds} ms`,
          { subject: this.name },
        );
      }
      // Version 1 tells nobody that a cgroup is empty.
      await delay(lookMilliseconds);
    }
  }

  /** Names of the cgroups directly below this one, in any hierarchy: a crash may have left them in some. */
  async children(): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const folder of await this.folders()) {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      for (const entry of entries) if (entry.isDirectory()) names.add(entry.name);
    }
    return [...names];
  }
}

export interface CgroupUsage {
  readonly total: number;
  readonly user: number;
  readonly kernel: number;
  readonly memory: number;
  readonly threads: number;
  readonly throttled: {
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly time: number;
  };
}

/** Version 2 gives controllers to children only where the parent says so and has them: outermost first. */
async function enableControllers(folder: string): Promise<void> {
  let parent = mountPoint;
  for (const name of ["", ...relative(mountPoint, dirname(folder)).split("/")]) {
    parent = join(parent, name);
    for (const controller of ["memory", "cpu", "pids", "cpuset"]) {
      await writeFile(join(parent, "cgroup.subtree_control"), `+${controller}`).catch(
        () => undefined,
      );
    }
  }
}

/** Version 1: a new set has nothing, and takes nobody before it has what its parent has. */
async function makeSet(folder: string): Promise<void> {
  const parent = dirname(folder);
  if (parent !== join(mountPoint, setController)) await makeSet(parent);
  await mkdir(folder, { recursive: true });
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if ((await readFile(join(folder, file), "utf8")).trim() !== "") continue;
    await writeFile(join(folder, file), await readFile(join(parent, file), "utf8"));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

/** True when it is gone; false while a process that was killed has not left. */
async function removeFolder(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
    if (errnoOf(error) !== "EBUSY") throw error;
    return false;
  }
}
