import { readdirSync, readFileSync } from "node:fs";
import { readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DuetError, errnoOf } from "../../kit/errors.ts";

/** Where the host's cgroup hierarchies are mounted. */
export interface CgroupHost {
  readonly version: 1 | 2;
  /** Version 1 hierarchies beside a version 2 one that has no controllers. */
  readonly hybrid: boolean;
  /** Mount point of each version 1 controller. */
  readonly controllers: Readonly<Record<string, string>>;
  /** Mount point of the version 2 hierarchy, or "". */
  readonly unified: string;
  /** All mount points in which a workload may have a folder. */
  readonly roots: readonly string[];
}

/** How often an emptying cgroup is looked at: the kernel reports this only where version 2 is. */
const lookMilliseconds = 5;
const looksUntilThaw = 5;

/** Reads /proc/self/mountinfo; the one place that knows how a host lays its cgroups out. */
export function readCgroupHost(): CgroupHost {
  const controllers: Record<string, string> = {};
  const roots: string[] = [];
  let unified = "";
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const point = before.split(" ")[4] ?? "";
    const [type, , options = ""] = after.split(" ");
    if (!point.startsWith("/sys/fs/cgroup")) continue;
    if (type === "cgroup2") unified = point;
    else if (type !== "cgroup") continue;
    if (roots.includes(point)) continue;
    roots.push(point);
    if (type === "cgroup") for (const name of options.split(",")) controllers[name] = point;
  }
  const version = controllers["memory"] === undefined && unified !== "" ? 2 : 1;
  return { version, hybrid: version === 1 && unified !== "", controllers, unified, roots };
}

/** The cgroups of one workload: the same path below every hierarchy. */
export class Cgroup {
  readonly host: CgroupHost;
  readonly path: string;

  constructor(host: CgroupHost, path: string) {
    this.host = host;
    this.path = path;
  }

  /** Folder in which `controller` has its files. */
  folder(controller: string): string {
    const root =
      this.host.version === 2 ? this.host.unified : (this.host.controllers[controller] ?? "");
    return root === "" ? "" : join(root, this.path);
  }

  /** Files that take a process into it, one for each hierarchy; some may be missing. */
  get entrances(): readonly string[] {
    return this.host.roots.map((root) => join(root, this.path, "cgroup.procs"));
  }

  /** Content of a control file, or undefined where this host or kernel has none. */
  async read(controller: string, file: string): Promise<string | undefined> {
    const folder = this.folder(controller);
    if (folder === "") return undefined;
    try {
      return (await readFile(join(folder, file), "utf8")).trim();
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** Throws `invalid` LIMIT_REFUSED where the kernel does not take the value. */
  async write(controller: string, file: string, value: string): Promise<void> {
    const folder = this.folder(controller);
    if (folder === "") {
      throw new DuetError(
        "unsupported",
        "NO_CONTROLLER",
        `this host has no ${controller} controller`,
      );
    }
    try {
      await writeFile(join(folder, file), value);
    } catch (cause) {
      throw new DuetError("invalid", "LIMIT_REFUSED", `the kernel refused ${value} for ${file}`, {
        cause,
      });
    }
  }

  /** Host pids of all processes in it and below. */
  async pids(): Promise<readonly number[]> {
    const folder =
      this.host.version === 2 ? this.folder("") : this.folder("pids") || this.folder("memory");
    return await pidsBelow(folder);
  }

  /** Resolves when nothing in it runs any more; thaws it again where that does not come to be in time. */
  async freeze(signal: AbortSignal): Promise<void> {
    try {
      for (let looks = 1; !(await this.hasFreezerState(true)); looks += 1) {
        /* In version 1 a program's start waits for threads that are frozen already: let it through. */
        if (looks % looksUntilThaw === 0) await this.writeFreezer(false);
        await this.writeFreezer(true);
        if (await this.hasFreezerState(true)) return;
        await delay(lookMilliseconds, undefined, { signal });
      }
    } catch (error) {
      await this.writeFreezer(false);
      throw error;
    }
  }

  async thaw(signal: AbortSignal): Promise<void> {
    await this.writeFreezer(false);
    while (!(await this.hasFreezerState(false)))
      await delay(lookMilliseconds, undefined, { signal });
  }

  private async writeFreezer(frozen: boolean): Promise<void> {
    if (this.host.version === 2) await this.write("", "cgroup.freeze", frozen ? "1" : "0");
    else await this.write("freezer", "freezer.state", frozen ? "FROZEN" : "THAWED");
  }

  /** A cgroup that is gone is in any state. */
  private async hasFreezerState(frozen: boolean): Promise<boolean> {
    if (this.host.version === 2) {
      const events = await this.read("", "cgroup.events");
      return events === undefined || events.includes(`frozen ${frozen ? 1 : 0}`);
    }
    const state = await this.read("freezer", "freezer.state");
    return state === undefined || state === (frozen ? "FROZEN" : "THAWED");
  }

  async frozen(): Promise<boolean> {
    if (this.host.version === 2) return (await this.read("", "cgroup.freeze")) === "1";
    const state = await this.read("freezer", "freezer.state");
    return state === "FROZEN" || state === "FREEZING";
  }

  /** Ends every process in it and removes its folders. Idempotent. */
  async destroy(signal: AbortSignal): Promise<void> {
    for (;;) {
      const left = await Promise.all(
        this.host.roots.map((root) => removeTree(join(root, this.path))),
      );
      if (left.every((gone) => gone)) return;
      // What is frozen does not end.
      if (await this.frozen()) await this.thaw(signal);
      for (const root of this.host.roots) killAll(pidsBelowSync(join(root, this.path)));
      await delay(lookMilliseconds, undefined, { signal });
    }
  }
}

function isGone(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOENT" || errno === "ENODEV" || errno === "EOPNOTSUPP";
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }
}

/** True when the folder is gone; false while processes keep it. */
async function removeTree(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
  }
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory());
    for (const entry of folders) await removeTree(join(folder, entry.name));
    await rmdir(folder);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
    if (errnoOf(error) === "EBUSY" || errnoOf(error) === "ENOTEMPTY") return false;
    throw error;
  }
}

async function pidsBelow(folder: string): Promise<readonly number[]> {
  try {
    const [own, entries] = await Promise.all([
      readFile(join(folder, "cgroup.procs"), "utf8"),
      readdir(folder, { withFileTypes: true }),
    ]);
    const below = entries.filter((entry) => entry.isDirectory());
    const lists = await Promise.all(below.map((entry) => pidsBelow(join(folder, entry.name))));
    return [...numbers(own), ...lists.flat()];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Synchronous: between the reading of a pid and its kill nothing may come. */
function pidsBelowSync(folder: string): readonly number[] {
  try {
    const own = numbers(readFileSync(join(folder, "cgroup.procs"), "utf8"));
    const below = readdirSync(folder, { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    return [...own, ...below.flatMap((entry) => pidsBelowSync(join(folder, entry.name)))];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function numbers(text: string): readonly number[] {
  return text
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
}
