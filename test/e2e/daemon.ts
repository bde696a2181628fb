import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { existsSync, watch } from "node:fs";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { run, type RunOptions, type RunResult } from "../../src/kit/subprocess.ts";
import { Guard } from "./guard.ts";
import { cgroupsLeft, networkLeft } from "./leftovers.ts";
import { processesLeft } from "./processes.ts";
import { keepVmCache, lendVmCache } from "./vm-cache.ts";

const launcher = join(import.meta.dirname, "../../bin/duetd");
/** Compares in the daemon all that it answers with the description of the API. */
const answerWatch = join(import.meta.dirname, "../answers/preload.ts");
const roots = "data/containers run/w data/snapshots/w data/disks/w data/machine-disks/w".split(" ");
const removalMilliseconds = 60_000;
const commandMilliseconds = 180_000;

/** Flags of a daemon that runs containers only: it makes no template of a virtual machine. */
export const containersOnly: readonly string[] = ["--vm-pool-size", "0", "--vm-cold-boot"];

export interface DaemonOptions {
  /** Value of DUET_FAILPOINTS for the first daemon. */
  readonly failpoints?: string;
  /** More flags of the daemon, such as its pool of virtual machines. */
  readonly flags?: readonly string[];
  /** Called with the new folder before the daemon starts, such as to mount a small disk there; gives its undoing. */
  readonly prepare?: (folder: string) => Promise<() => Promise<void>>;
  /** Whether it gets the templates that earlier daemons built; otherwise it knows only whether KVM works. */
  readonly vmTemplates?: boolean;
  /** Another daemon whose network namespace this one shares, as on one host. */
  readonly beside?: TestDaemon;
}

/**
 * A real duetd with data, sockets and network namespace of its own, and the real docker client to
 * drive it. The network namespace outlives the daemon's process, as a host's does.
 */
export class TestDaemon {
  readonly folder: string;
  readonly socket: string;
  private readonly cgroup: string;
  private readonly ownsHost: boolean;
  private readonly holder: ChildProcess;
  private readonly flags: readonly string[];
  private process: ChildProcess | undefined;
  private readonly guests: ChildProcess[] = [];
  private readonly guard: Guard;
  private undo: (() => Promise<void>) | undefined;

  private constructor(folder: string, options: DaemonOptions, holder: ChildProcess) {
    this.folder = folder;
    this.holder = holder;
    this.ownsHost = options.beside === undefined;
    this.flags = options.flags ?? ["--vm-pool-size", "0"];
    this.cgroup = `/${basename(folder).replace("duet-", "duet-test-")}`;
    this.socket = join(folder, "run/docker.sock");
    const networkPid = this.ownsHost ? holder.pid! : null;
    this.guard = new Guard({ folder, cgroup: this.cgroup, networkPid });
  }

  /** Starts one; `context.after` removes everything of it and fails the test where something is left. */
  static async start(
    context: Pick<TestContext, "after">,
    options: DaemonOptions = {},
  ): Promise<TestDaemon> {
    const folder = await mkdtemp("/tmp/duet-");
    const undo = await options.prepare?.(folder);
    const holder = options.beside?.holder ?? (await networkNamespace());
    const daemon = new TestDaemon(folder, options, holder);
    daemon.undo = undo;
    context.after(() => daemon.remove());
    await lendVmCache(
      join(folder, "data"),
      options.vmTemplates ?? options.flags !== containersOnly,
    );
    await daemon.launch(options.failpoints ?? "");
    return daemon;
  }

  /** Starts the daemon process and resolves when it serves. */
  async launch(failpoints = ""): Promise<void> {
    await using log = await open(this.logPath, "a");
    const { size } = await log.stat();
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
        "--cgroup-parent",
        this.cgroup,
        ...this.flags,
      ],
      {
        stdio: ["ignore", "ignore", log.fd],
        env: {
          PATH: process.env["PATH"],
          HOME: "/root",
          DUET_FAILPOINTS: failpoints,
          NODE_OPTIONS: `--import=${answerWatch}`,
          DUET_TEST_ANSWER_FAULTS: this.answerFaults,
        },
      },
    );
    this.process = child;
    const over = new AbortController();
    child.once("exit", (code, signal) => over.abort(new Error(`ended (${code ?? signal})`)));
    try {
      await this.says("ready", size, over.signal);
    } catch (error) {
      const said = (await readFile(this.logPath)).subarray(size).toString();
      throw new Error(`duetd was not ready: ${said.slice(-2_000)}`, { cause: error });
    }
  }

  /** Sends a signal to the daemon itself and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit", { signal: AbortSignal.timeout(commandMilliseconds) });
    child.kill(signal);
    await ended;
  }

  /** Sends a signal that does not end it. */
  signal(name: NodeJS.Signals): void {
    this.process?.kill(name);
  }

  /** Resolves when the daemon has logged an event of this name. */
  async logged(event: string): Promise<void> {
    await this.says(event, 0);
  }

  /** Resolves when the log tells of an event after its first `from` bytes. */
  private async says(event: string, from: number, over?: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(commandMilliseconds);
    const signal = over === undefined ? late : AbortSignal.any([late, over]);
    let wake = (): void => undefined;
    const watcher = watch(this.logPath, () => wake());
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      for (;;) {
        const changed = new Promise<void>((again) => (wake = again));
        const said = (await readFile(this.logPath)).subarray(from);
        if (said.includes(`"event":"${event}"`)) return;
        signal.throwIfAborted();
        await changed;
      }
    } finally {
      watcher.close();
    }
  }

  /** Resolves when the daemon has ended by itself, as at an armed failpoint. */
  async ended(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await once(child, "exit", { signal: AbortSignal.timeout(commandMilliseconds) });
  }

  private get isRunning(): boolean {
    const child = this.process;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
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
      okCodes: okCodes ?? "any",
      env: { DOCKER_CONFIG: join(this.folder, "docker-config") },
      ...(input === undefined ? {} : { input }),
    });
  }

  /** A request to the API: `head` when its head has come, `body` when all of it has. */
  request(
    method: string,
    path: string,
  ): {
    readonly head: Promise<IncomingMessage>;
    readonly body: Promise<string>;
    /** Breaks it off; neither promise is to be awaited then. */
    breakOff(): void;
  } {
    const signal = AbortSignal.timeout(commandMilliseconds);
    const asked = request({ socketPath: this.socket, method, path, signal });
    const head = once(asked, "response").then(([response]) => response as IncomingMessage);
    asked.end();
    const body = head.then((response) => text(response));
    const breakOff = (): void => {
      body.catch(() => undefined);
      asked.on("error", () => undefined).destroy();
    };
    return { head, body, breakOff };
  }

  /** Resolves when `look` gives true; looks again at each event of the daemon. */
  async eventually(look: () => Promise<boolean>): Promise<void> {
    const signal = AbortSignal.timeout(commandMilliseconds);
    const asked = request({ socketPath: this.socket, path: "/events", signal });
    const answered = once(asked, "response");
    asked.end();
    const [events] = (await answered) as [IncomingMessage];
    try {
      if (await look()) return;
      for await (const _ of events) if (await look()) return;
    } finally {
      asked.on("error", () => undefined).destroy();
    }
    throw new Error("the daemon's events ended before what was waited for");
  }

  /** The argv that runs a program in the daemon's network namespace, as on its host. */
  hostCommand(program: string, ...args: string[]): [program: string, ...args: string[]] {
    return ["nsenter", `--net=/proc/${this.holder.pid}/ns/net`, "--", program, ...args];
  }

  /** Runs a program in the daemon's network namespace, as a client on its host would; throws where it fails. */
  async onHost(program: string, ...args: string[]): Promise<RunResult> {
    return await this.tryOnHost([program, ...args], [0]);
  }

  /** As `onHost`, with any exit code. */
  async tryOnHost(
    [program, ...args]: readonly [program: string, ...args: string[]],
    okCodes: RunOptions["okCodes"] = "any",
  ): Promise<RunResult> {
    const [enter, ...words] = this.hostCommand(program, ...args);
    return await run(enter, words, { signal: AbortSignal.timeout(commandMilliseconds), okCodes });
  }

  /** A page as a client on the daemon's host gets it, once something listens there. */
  async page(url: string): Promise<string> {
    const patience = ["--retry", "120", "--retry-delay", "1", "--retry-connrefused"];
    return (await this.onHost("curl", "-sS", ...patience, url)).stdout.toString();
  }

  /** Starts a program on the daemon's host that ends with the test. */
  spawnOnHost(program: string, ...args: string[]): ChildProcess {
    const [enter, ...words] = this.hostCommand(program, ...args);
    const child = spawn(enter, words, {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.guests.push(child);
    return child;
  }

  /** Blobs, ingests and unpacked layers that the data root still has. */
  async contentLeft(): Promise<string[]> {
    const found = await run(
      "find",
      [
        ...["content", "snapshots/l"].map((name) => join(this.folder, "data", name)),
        ...["-mindepth", "1", "-type", "f"],
      ],
      { signal: AbortSignal.timeout(commandMilliseconds), okCodes: [0, 1] },
    );
    return found.stdout.toString().split("\n").filter(Boolean);
  }

  async log(): Promise<string> {
    return await readFile(this.logPath, "utf8");
  }

  private get logPath(): string {
    return join(this.folder, "duetd.log");
  }

  private get answerFaults(): string {
    return join(this.folder, "answer-faults");
  }

  /** Answers of the daemon that do not fit the description of the API. */
  private async faultyAnswers(): Promise<string[]> {
    const text = await readFile(this.answerFaults, "utf8").catch(() => "");
    const faults = new Set(text.split("\n").filter(Boolean));
    return [...faults].slice(0, 20).map((fault) => `a wrong answer: ${fault}`);
  }

  private async remove(): Promise<void> {
    const left: string[] = [];
    for (const guest of this.guests) await stopped(guest);
    if (!this.isRunning) await this.launch();
    await this.removeContainers().catch((error: unknown) => left.push(String(error)));
    await this.tryDocker(["network", "prune", "-f"]);
    await this.end("SIGTERM");
    left.push(...(await this.leftovers()));
    if (left.length > 0) left.push((await this.log()).slice(-4_000));
    left.push(...(await this.faultyAnswers()));
    if (this.ownsHost) this.holder.kill("SIGKILL");
    await keepVmCache(join(this.folder, "data"));
    await this.undo?.();
    await rm(this.folder, { recursive: true, force: true });
    if (left.length === 0) this.guard.release();
    else this.guard.carryOut();
    if (left.length > 0) throw new Error(`left behind: ${left.join("; ")}`);
  }

  private async removeContainers(): Promise<void> {
    const listed = async (): Promise<readonly string[]> =>
      (await this.docker("ps", "-aq")).split("\n").filter(Boolean);
    const ids = await listed();
    if (ids.length === 0) return;
    const { stderr } = await this.tryDocker(["rm", "-fv", ...ids]);
    /* Those that were about to go by themselves may have been gone. */
    if ((await listed()).length > 0) throw new Error(stderr);
  }

  /**
   * Fails where a run left a writable root, state directory, run directory or shim behind. The bytes of
   * a removed container go after its client has its answer, so this waits some seconds for them.
   */
  async assertNothingOf(what: string): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = AbortSignal.timeout(removalMilliseconds);
    deadline.addEventListener("abort", () => resolve());
    let wake = (): void => undefined;
    const watchers = roots
      .map((name) => join(this.folder, name))
      .filter((path) => existsSync(path))
      .map((path) => watch(path, () => wake()));
    try {
      for (;;) {
        const changed = new Promise<void>((again) => (wake = again));
        const left = await this.foldersLeft();
        if (left.length === 0) break;
        if (deadline.aborted) throw new Error(`${what} left behind: ${left.join("; ")}`);
        await Promise.race([changed, late]);
      }
    } finally {
      for (const watcher of watchers) watcher.close();
    }
    const shims = await processesLeft(`duet-shim.*${this.folder}`, removalMilliseconds);
    if (shims.length > 0) throw new Error(`${what} left behind: ${shims.join("; ")}`);
  }

  private async foldersLeft(): Promise<string[]> {
    const left: string[] = [];
    for (const folder of roots) {
      const names = await readdir(join(this.folder, folder)).catch(() => []);
      left.push(...names.map((name) => `${folder}/${name}`));
    }
    return left;
  }

  /** The emulators of this daemon that do not end by themselves. */
  async emulatorsLeft(): Promise<string[]> {
    return await processesLeft(`qemu-system.*${this.folder}`, removalMilliseconds);
  }

  /** What belongs to this daemon after everything was removed: mounts, processes, cgroups, devices, rules. */
  async leftovers(): Promise<string[]> {
    const left = await processesLeft(this.folder, removalMilliseconds);
    const mounts = await readFile("/proc/self/mounts", "utf8");
    const own = mounts.split("\n").filter((line) => line.includes(`${this.folder}/`));
    left.push(...own.filter((line) => !line.includes(` ${this.folder}/data `)));
    left.push(...(await cgroupsLeft(this.cgroup)));
    left.push(...(await networkLeft(this, join(this.folder, "data"))));
    return left;
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function networkNamespace(): Promise<ChildProcess> {
  // It ends with the test's process, however that ends.
  const script = "ip link set lo up && echo up && read -r _";
  const holder = spawn("unshare", ["--net", "--", "sh", "-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  return holder;
}
