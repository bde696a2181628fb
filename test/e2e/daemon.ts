import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { run, type RunResult } from "../../src/kit/subprocess.ts";

const launcher = join(import.meta.dirname, "../../bin/duetd");
const readyMilliseconds = 60_000;
const commandMilliseconds = 180_000;

export interface DaemonOptions {
  /** Value of DUET_FAILPOINTS for the first daemon. */
  readonly failpoints?: string;
  readonly flags?: readonly string[];
}

/**
 * A real duetd with data, sockets and network namespace of its own, and the real docker client to
 * drive it. The network namespace outlives the daemon's process, as a host's does.
 */
export class TestDaemon {
  readonly folder: string;
  readonly socket: string;
  private readonly holder: ChildProcess;
  private readonly flags: readonly string[];
  private process: ChildProcess | undefined;

  private constructor(folder: string, holder: ChildProcess, flags: readonly string[]) {
    this.folder = folder;
    this.holder = holder;
    this.flags = flags;
    this.socket = join(folder, "run/docker.sock");
  }

  /** Starts one; `context.after` removes everything of it and fails the test where something is left. */
  static async start(context: TestContext, options: DaemonOptions = {}): Promise<TestDaemon> {
    const folder = await mkdtemp("/tmp/duet-");
    const holder = spawn(
      "unshare",
      ["--net", "--", "sh", "-c", "ip link set lo up && echo up && exec sleep 3600"],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(holder.stdout, "data");
    const flags = options.flags ?? ["--vm-pool-size", "0"];
    const daemon = new TestDaemon(folder, holder, flags);
    context.after(() => daemon.remove());
    await daemon.launch(options.failpoints ?? "");
    return daemon;
  }

  /** Starts the daemon process and resolves when it serves. */
  async launch(failpoints = ""): Promise<void> {
    const log = join(this.folder, "duetd.log");
    const child = spawn(
      "nsenter",
      [
        `--net=/proc/${this.holder.pid}/ns/net`,
        "--",
        launcher,
        "--data-root",
        join(this.folder, "data"),
        "--run-dir",
        join(this.folder, "run"),
        "--log-level",
        "debug",
        ...this.flags,
      ],
      {
        stdio: ["ignore", "ignore", "pipe"],
        env: { PATH: process.env["PATH"], HOME: "/root", DUET_FAILPOINTS: failpoints },
      },
    );
    this.process = child;
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new Error("duetd was not ready in time")),
      readyMilliseconds,
    );
    let printed = "";
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => {
      printed = (printed + text).slice(-64_000);
      if (printed.includes('"event":"ready"')) resolve();
    });
    child.once("exit", (code, signal) => {
      reject(new Error(`duetd ended (${code ?? signal}): ${printed.slice(-2_000)}`));
    });
    ready.catch(() => undefined);
    try {
      await ready;
    } finally {
      clearTimeout(timer);
      await writeFile(log, printed, { flag: "a" });
      child.stderr.on("data", (text: string) => void writeFile(log, text, { flag: "a" }));
    }
  }

  /** Sends a signal to the daemon itself and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** Resolves when the daemon has ended by itself, as at an armed failpoint. */
  async ended(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await once(child, "exit");
  }

  /** The real docker client; throws where it fails. */
  async docker(...args: string[]): Promise<string> {
    return (await this.tryDocker(args, [0])).stdout.toString();
  }

  /** The real docker client with any exit code. */
  async tryDocker(
    args: readonly string[],
    okCodes?: readonly number[],
    input?: string,
  ): Promise<RunResult> {
    return await run("docker", ["--host", `unix://${this.socket}`, ...args], {
      signal: AbortSignal.timeout(commandMilliseconds),
      okCodes: okCodes ?? Array.from({ length: 256 }, (_, code) => code),
      env: { DOCKER_CONFIG: join(this.folder, "docker-config") },
      ...(input === undefined ? {} : { input }),
    });
  }

  /** Runs a program in the daemon's network namespace, as a client on its host would. */
  async onHost(program: string, ...args: string[]): Promise<RunResult> {
    const net = `--net=/proc/${this.holder.pid}/ns/net`;
    return await run("nsenter", [net, "--", program, ...args], {
      signal: AbortSignal.timeout(commandMilliseconds),
      okCodes: Array.from({ length: 256 }, (_, code) => code),
    });
  }

  async log(): Promise<string> {
    return await readFile(join(this.folder, "duetd.log"), "utf8");
  }

  private async remove(): Promise<void> {
    const ids = (await this.tryDocker(["ps", "-aq"])).stdout.toString().split("\n").filter(Boolean);
    if (ids.length > 0) await this.tryDocker(["rm", "-fv", ...ids]);
    await this.end("SIGTERM");
    const left = await this.leftovers();
    this.holder.kill("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join("; ")}`);
  }

  /** Fails where a run left a writable root, state directory, run directory or shim behind. */
  async assertNothingOf(what: string): Promise<void> {
    const left: string[] = [];
    for (const folder of [
      "data/containers",
      "run/w",
      "data/snapshots/writable",
      "data/disks/writable",
    ]) {
      const names = await readdir(join(this.folder, folder)).catch(() => []);
      left.push(...names.map((name) => `${folder}/${name}`));
    }
    const shims = await run("pgrep", ["-af", `duet-shim.*${this.folder}`], {
      signal: AbortSignal.timeout(commandMilliseconds),
      okCodes: [0, 1],
    });
    left.push(...shims.stdout.toString().split("\n").filter(Boolean));
    if (left.length > 0) throw new Error(`${what} left behind: ${left.join("; ")}`);
  }

  /** What belongs to this daemon's folder after everything was removed: mounts, processes, cgroups. */
  async leftovers(): Promise<string[]> {
    const left: string[] = [];
    const mounts = await readFile("/proc/self/mounts", "utf8");
    left.push(...mounts.split("\n").filter((line) => line.includes(this.folder)));
    const found = await run("pgrep", ["-af", this.folder], {
      signal: AbortSignal.timeout(commandMilliseconds),
      okCodes: [0, 1],
    });
    const lines = found.stdout.toString().split("\n");
    left.push(...lines.filter((line) => line !== "" && !line.includes("pgrep")));
    return left;
  }
}
