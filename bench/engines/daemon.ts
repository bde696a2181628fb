import { spawn, type ChildProcess } from "node:child_process";
import { openSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { programPath } from "../../src/kit/subprocess.ts";

const readyMilliseconds = 120_000;
const endMilliseconds = 20_000;

/** A daemon process tree, started in network and mount namespaces of its own so that the host stays as it is. */
export class DaemonProcess implements AsyncDisposable {
  readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Starts `program` and resolves when `socket` answers. What it prints goes to `log`. */
  static async start(
    program: readonly string[],
    options: { readonly socket: string; readonly log: string; readonly path?: string },
    signal: AbortSignal,
  ): Promise<DaemonProcess> {
    const output = openSync(options.log, "a");
    const child = spawn(
      "unshare",
      ["--net", "--mount", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...program],
      {
        stdio: ["ignore", output, output],
        detached: true,
        env: { PATH: options.path ?? programPath, HOME: "/root", LANG: "C.UTF-8" },
      },
    );
    const daemon = new DaemonProcess(child);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(readyMilliseconds)]);
    while (!(await answers(options.socket))) {
      deadline.throwIfAborted();
      if (child.exitCode !== null) {
        const text = await readFile(options.log, "utf8");
        throw new Error(`${program[0]} ended with ${child.exitCode}: ${text.slice(-2_000)}`);
      }
      await delay(50);
    }
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.pid === undefined) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    const isEnded = await Promise.race([ended.then(() => true), delay(endMilliseconds, false)]);
    if (!isEnded) this.child.kill("SIGKILL");
  }
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
