import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { readdir, readFile, rmdir } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { programPath } from "../../src/kit/subprocess.ts";

const readyMilliseconds = 120_000;
const endMilliseconds = 20_000;

/** A daemon process tree, started in network and mount namespaces of its own so that the host stays as it is. */
export class DaemonProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  private readonly program: string;
  private readonly log: string;

  private constructor(child: ChildProcess, program: string, log: string) {
    this.child = child;
    this.program = program;
    this.log = log;
  }

  /** Starts `program` and resolves when `socket` answers. What it prints goes to `log`. */
  static async start(
    program: readonly string[],
    options: {
      readonly socket: string;
      readonly log: string;
      readonly path?: string;
      readonly env?: Readonly<Record<string, string>>;
    },
    signal: AbortSignal,
  ): Promise<DaemonProcess> {
    const output = openSync(options.log, "a");
    const child = spawn(
      "setpriv",
      inNamespaces("TERM", 'ip link set lo up && exec "$@"', ...program),
      {
        stdio: ["ignore", output, output],
        detached: true,
        env: {
          PATH: options.path ?? programPath,
          HOME: "/root",
          LANG: "C.UTF-8",
          ...options.env,
        },
      },
    );
    const daemon = new DaemonProcess(child, program[0] ?? "", options.log);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(readyMilliseconds)]);
    while (!(await answers(options.socket))) {
      deadline.throwIfAborted();
      if (daemon.hasEnded) throw await daemon.ownEnd();
      await delay(50);
    }
    return daemon;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Ends it; throws where it had ended by itself, which would explain what failed before. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasEnded) throw await this.ownEnd();
    await endProcess(this.child);
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private async ownEnd(): Promise<Error> {
    const text = await readFile(this.log, "utf8").catch(() => "");
    const how = this.child.exitCode ?? this.child.signalCode;
    return new Error(`${this.program} ended by itself with ${how}: ${text.slice(-4_000)}`);
  }
}

/** Words of setpriv(1) for a script in network and mount namespaces of its own that gets `signal` where this process ends. */
function inNamespaces(signal: string, script: string, ...words: readonly string[]): string[] {
  const unshare = ["unshare", "--net", "--mount", "--", "sh", "-c", script, "sh"];
  return ["--pdeathsig", signal, "--", ...unshare, ...words];
}

/** Network and mount namespaces without a daemon, kept by a process that only waits. */
export class NamespaceHolder implements AsyncDisposable {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(signal: AbortSignal): Promise<NamespaceHolder> {
    const child = spawn(
      "setpriv",
      inNamespaces("KILL", "ip link set lo up && echo up && exec sleep 7200"),
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(child.stdout, "data", { signal });
    return new NamespaceHolder(child);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcess(this.child);
  }
}

/** SIGTERM, and SIGKILL where that is not enough in time. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, "exit").then(() => true);
  child.kill("SIGTERM");
  // The child keeps this process up while it runs, the patience with it need not.
  const patience = delay(endMilliseconds, false, { ref: false });
  if (!(await Promise.race([ended, patience]))) child.kill("SIGKILL");
  await ended;
}

async function answers(socket: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => resolve(false));
  });
}

/** The process and all its descendants, by /proc. */
export async function processTree(root: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(join("/proc", name, "stat"), "utf8").catch(() => "");
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (Number.isInteger(parent)) parents.set(Number(name), parent);
  }
  const tree = [root];
  for (let index = 0; index < tree.length; index += 1) {
    for (const [pid, parent] of parents) if (parent === tree[index]) tree.push(pid);
  }
  return tree;
}

const shimName = /^(duet-shim|containerd-shim|conmon)/;

/** The process of the engine that watches over a workload's `pid`: its nearest ancestor that is a shim. */
export async function shimOf(pid: number): Promise<number> {
  for (let current = pid; current > 1;) {
    const stat = await readFile(`/proc/${current}/stat`, "utf8").catch(() => "");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    if (shimName.test(name)) return current;
    current = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
  }
  return pid;
}

export interface Memory {
  /** Bytes. */
  readonly rss: number;
  readonly pss: number;
  readonly private: number;
}

/** Memory of processes together, from smaps_rollup; those that ended meanwhile count nothing. */
export async function memoryOf(pids: readonly number[]): Promise<Memory> {
  let rss = 0;
  let pss = 0;
  let own = 0;
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
    rss += field("Rss");
    pss += field("Pss");
    own += field("Private_Clean") + field("Private_Dirty");
  }
  return { rss, pss, private: own };
}

/** Removes the empty cgroups NAME below the root of every hierarchy; engines leave them. */
export async function removeCgroups(name: string): Promise<void> {
  const root = "/sys/fs/cgroup";
  const hierarchies = ["", ...(await readdir(root))];
  for (const hierarchy of hierarchies) await removeTree(join(root, hierarchy, name));
}

async function removeTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  await rmdir(folder).catch(() => undefined);
}
