import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, watch as watchFile, writeFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { existsSync, watch } from "node:fs";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { run, type RunResult } from "../../src/kit/subprocess.ts";
import { processesLeft } from "./processes.ts";
import { keepVmCache, lendVmCache } from "./vm-cache.ts";

const launcher = join(import.meta.dirname, "../../bin/duetd");
/** Compares in the daemon all that it answers with the description of the API. */
const answerWatch = join(import.meta.dirname, "../answers/preload.ts");
const writableFolders = ["data/containers", "run/w", "data/snapshots/w", "data/disks/w"] as const;
const removalMilliseconds = 10_000;
const readyMilliseconds = 60_000;
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
  private undo: (() => Promise<void>) | undefined;

  private constructor(folder: string, options: DaemonOptions, holder: ChildProcess) {
    this.folder = folder;
    this.holder = holder;
    this.ownsHost = options.beside === undefined;
    this.flags = options.flags ?? ["--vm-pool-size", "0"];
    this.cgroup = `/${basename(folder).replace("duet-", "duet-test-")}`;
    this.socket = join(folder, "run/docker.sock");
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
        "--cgroup-parent",
        this.cgroup,
        ...this.flags,
      ],
      {
        stdio: ["ignore", "ignore", "pipe"],
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
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    const deadline = AbortSignal.timeout(readyMilliseconds);
    deadline.addEventListener("abort", () => reject(new Error("duetd was not ready in time")));
    let printed = "";
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (piece: string) => {
      printed = (printed + piece).slice(-64_000);
      if (printed.includes('"event":"ready"')) resolve();
    });
    child.once("exit", (code, signal) => {
      reject(new Error(`duetd ended (${code ?? signal}): ${printed.slice(-2_000)}`));
    });
    ready.catch(() => undefined);
    try {
      await ready;
    } finally {
      await writeFile(log, printed, { flag: "a" });
      child.stderr.on("data", (piece: string) => void writeFile(log, piece, { flag: "a" }));
    }
  }

  /** Sends a signal to the daemon itself and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit", { signal: AbortSignal.timeout(readyMilliseconds) });
    child.kill(signal);
    await ended;
  }

  /** Sends a signal that does not end it. */
  signal(name: NodeJS.Signals): void {
    this.process?.kill(name);
  }

  /** Resolves when the daemon has logged an event of this name. */
  async logged(event: string): Promise<void> {
    const name = join(this.folder, "duetd.log");
    const deadline = AbortSignal.timeout(commandMilliseconds);
    const changes = watchFile(name, { signal: deadline });
    const isThere = async (): Promise<boolean> => (await this.log()).includes(`"event":"${event}"`);
    if (await isThere()) return;
    for await (const _ of changes) if (await isThere()) return;
  }

  /** Resolves when the daemon has ended by itself, as at an armed failpoint. */
  async ended(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    await once(child, "exit", { signal: AbortSignal.timeout(readyMilliseconds) });
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
      okCodes: okCodes ?? Array.from({ length: 256 }, (_, code) => code),
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

  /** Runs a program in the daemon's network namespace, as a client on its host would. */
  async onHost(program: string, ...args: string[]): Promise<RunResult> {
    const [enter, ...words] = this.hostCommand(program, ...args);
    return await run(enter, words, {
      signal: AbortSignal.timeout(commandMilliseconds),
      okCodes: Array.from({ length: 256 }, (_, code) => code),
    });
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
    return await readFile(join(this.folder, "duetd.log"), "utf8");
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
    const listed = await this.tryDocker(["ps", "-aq"]);
    if (listed.code !== 0) left.push(`the daemon did not answer: ${listed.stderr}`);
    const ids = listed.stdout.toString().split("\n").filter(Boolean);
    if (ids.length > 0) {
      const removed = await this.tryDocker(["rm", "-fv", ...ids]);
      if (removed.code !== 0) left.push(removed.stderr);
    }
    await this.tryDocker(["network", "prune", "-f"]);
    await this.end("SIGTERM");
    left.push(...(await this.leftovers()));
    if (left.length > 0) left.push((await this.log()).slice(-4_000));
    left.push(...(await this.faultyAnswers()));
    if (this.ownsHost) this.holder.kill("SIGKILL");
    await keepVmCache(join(this.folder, "data"));
    await this.undo?.();
    await rm(this.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join("; ")}`);
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
    const watchers = writableFolders
      .map((name) => join(this.folder, name))
      .filter((path) => existsSync(path))
      .map((path) => watch(path, () => wake()));
    try {
      for (;;) {
        const changed = new Promise<void>((again) => (wake = again));
        const left = await this.runsLeft();
        if (left.length === 0) return;
        if (deadline.aborted) throw new Error(`${what} left behind: ${left.join("; ")}`);
        await Promise.race([changed, late]);
      }
    } finally {
      for (const watcher of watchers) watcher.close();
    }
  }

  private async runsLeft(): Promise<string[]> {
    const left: string[] = [];
    for (const folder of writableFolders) {
      const names = await readdir(join(this.folder, folder)).catch(() => []);
      left.push(...names.map((name) => `${folder}/${name}`));
    }
    const shims = await run("pgrep", ["-af", `duet-shim.*${this.folder}`], {
      signal: AbortSignal.timeout(commandMilliseconds),
      okCodes: [0, 1],
    });
    left.push(...shims.stdout.toString().split("\n").filter(Boolean));
    return left;
  }

  /** The emulators of this daemon that do not end by themselves. */
  async emulatorsLeft(): Promise<string[]> {
    return await processesLeft(`qemu-system.*${this.folder}`, removalMilliseconds);
  }

  /** What belongs to this daemon after everything was removed: mounts, processes, cgroups, devices, rules. */
  async leftovers(): Promise<string[]> {
    const left: string[] = [];
    const mounts = await readFile("/proc/self/mounts", "utf8");
    const own = mounts.split("\n").filter((line) => line.includes(`${this.folder}/`));
    left.push(...own.filter((line) => !line.includes(` ${this.folder}/data `)));
    left.push(...(await this.cgroupsLeft()), ...(await this.networkLeft()));
    left.push(...(await processesLeft(this.folder, removalMilliseconds)));
    return left;
  }

  /** Only the parent itself may stay, and in it nothing. */
  private async cgroupsLeft(): Promise<string[]> {
    const find = async (...expression: string[]): Promise<string[]> => {
      const found = await run("find", ["/sys/fs/cgroup", ...expression], {
        signal: AbortSignal.timeout(commandMilliseconds),
        okCodes: [0, 1],
      });
      return found.stdout.toString().split("\n").filter(Boolean);
    };
    const left = await find("-path", `*${this.cgroup}/*`, "-type", "d");
    if (left.length === 0) await find("-name", this.cgroup.slice(1), "-type", "d", "-delete");
    return left;
  }

  /** The default bridge stays with its rules, as on a host; no port of it, and no other bridge. */
  private async networkLeft(): Promise<string[]> {
    const dataRoot = join(this.folder, "data");
    const instance = createHash("sha256").update(dataRoot).digest("hex").slice(0, 6);
    const text = (await this.onHost("ip", "-d", "-o", "link")).stdout.toString();
    const links = text.split("\n").filter((line) => line.includes(`alias duet:${instance}:`));
    const isBridge = (line: string): boolean => line.includes(" bridge forward_delay ");
    const table = ["list", "table", "inet", `duet_${instance}`];
    const rules = (await this.onHost("nft", ...table)).stdout.toString();
    const elements = [...rules.matchAll(/"dv[0-9a-f]{12}"/g)].map(([name]) => `rule of ${name}`);
    const ports = links.filter((line) => !isBridge(line));
    return [...ports, ...links.filter(isBridge).slice(1), ...elements];
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function networkNamespace(): Promise<ChildProcess> {
  const script = "ip link set lo up && echo up && exec sleep 3600";
  const holder = spawn("unshare", ["--net", "--", "sh", "-c", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  return holder;
}
