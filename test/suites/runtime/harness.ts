import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { newObjectId } from "../../../src/domain/identity.ts";
import type { ResourceLimits, SecuritySpec } from "../../../src/domain/limits.ts";
import type { AttachedStreams, ProcessSpec } from "../../../src/domain/process.ts";
import type { Runtime, Workload, WorkloadSpec } from "../../../src/domain/runtime.ts";
import type { RootSource } from "../../../src/domain/snapshot.ts";

/** What a runtime's own test gives the suite. The root holds a static busybox with its applets in /bin. */
export interface RuntimeHarness {
  readonly runtime: Runtime;
  /** Of workloads that ask for nothing else. */
  readonly security?: Partial<SecuritySpec>;
  /** The same runtime as a later daemon would make it. */
  later(): Promise<Runtime>;
  /** A fresh writable root. */
  root(): Promise<RootSource>;
  /** What is left of workloads with these ids on the host, in words; empty when nothing is. */
  leaks(ids: readonly string[]): Promise<readonly string[]>;
  close(): Promise<void>;
  /** Memory limit for the out-of-memory test, in bytes. */
  readonly smallMemory: number;
}

export const testDeadline = 300_000;

export function deadline(milliseconds = testDeadline): AbortSignal {
  return AbortSignal.timeout(milliseconds);
}

export const noLimits: ResourceLimits = {
  memory: 0,
  memorySwap: 0,
  memoryReservation: 0,
  memorySwappiness: null,
  nanoCpus: 0,
  cpuShares: 0,
  cpuPeriod: 0,
  cpuQuota: 0,
  cpusetCpus: "",
  cpusetMems: "",
  pids: 512,
  blkioWeight: 0,
  oomScoreAdjust: 0,
  oomKillDisable: false,
  ulimits: [],
  shmSize: 64 << 20,
  cgroupParent: "",
};

export const usualSecurity: SecuritySpec = {
  privileged: false,
  capAdd: [],
  capDrop: [],
  noNewPrivileges: false,
  seccomp: "default",
  apparmor: "",
  selinuxLabels: [],
  maskedPaths: null,
  readonlyPaths: null,
  devices: [],
  deviceCgroupRules: [],
  sysctls: {},
  groupAdd: [],
  ipcMode: "",
  pidMode: "",
  utsMode: "",
  cgroupnsMode: "",
  usernsMode: "",
};

export interface Wanted {
  readonly argv: readonly string[];
  readonly process?: Partial<ProcessSpec>;
  readonly resources?: Partial<ResourceLimits>;
  readonly security?: Partial<SecuritySpec>;
  readonly spec?: Partial<WorkloadSpec>;
}

export function processSpec(
  argv: readonly string[],
  changes: Partial<ProcessSpec> = {},
): ProcessSpec {
  return {
    argv,
    env: ["PATH=/bin:/sbin:/usr/bin"],
    workingDirectory: "/",
    user: "",
    groups: [],
    terminal: null,
    stdin: false,
    privileged: false,
    ...changes,
  };
}

/** Makes workloads for one test and takes them away again. */
export class Workbench implements AsyncDisposable {
  readonly harness: RuntimeHarness;
  readonly ids: string[] = [];
  private readonly folders: string[] = [];
  private readonly workloads: Workload[] = [];

  constructor(harness: RuntimeHarness) {
    this.harness = harness;
  }

  async spec(wanted: Wanted): Promise<WorkloadSpec> {
    const folder = await mkdtemp("/tmp/dw-");
    this.folders.push(folder);
    const id = newObjectId();
    this.ids.push(id);
    const stateDirectory = join(folder, "state");
    const runDirectory = join(folder, "run");
    await Promise.all([mkdir(stateDirectory), mkdir(runDirectory, { mode: 0o700 })]);
    return {
      id,
      stateDirectory,
      runDirectory,
      root: await this.harness.root(),
      readonlyRoot: false,
      process: processSpec(wanted.argv, wanted.process),
      init: false,
      hostname: "workload",
      domainname: "",
      files: {
        "/etc/hostname": "workload\n",
        "/etc/hosts": "127.0.0.1 localhost\n",
        "/etc/resolv.conf": "",
      },
      mounts: [],
      resources: { ...noLimits, ...wanted.resources },
      security: { ...usualSecurity, ...this.harness.security, ...wanted.security },
      network: { kind: "none" },
      log: { path: join(stateDirectory, "log.json"), maximumSize: 0, maximumFiles: 1 },
      annotations: {},
      ...wanted.spec,
    };
  }

  async open(spec: WorkloadSpec): Promise<Workload> {
    const workload = await this.harness.runtime.open(spec, deadline());
    this.workloads.push(workload);
    return workload;
  }

  /** Opened and created, not started. */
  async create(
    wanted: Wanted,
  ): Promise<{ readonly workload: Workload; readonly spec: WorkloadSpec }> {
    const spec = await this.spec(wanted);
    const workload = await this.open(spec);
    await workload.create(deadline());
    return { workload, spec };
  }

  /** Started, with everything it prints being collected. */
  async run(wanted: Wanted): Promise<Running> {
    const { workload, spec } = await this.create(wanted);
    const streams = await workload.attach({ stdin: spec.process.stdin }, deadline());
    const output = new Collected(streams);
    await workload.start(deadline());
    return { workload, spec, streams, output };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const workload of this.workloads) await workload.delete(deadline());
    const leaks = await this.harness.leaks(this.ids);
    for (const folder of this.folders) await rm(folder, { recursive: true, force: true });
    if (leaks.length > 0) throw new Error(`left behind: ${leaks.join(", ")}`);
  }
}

export interface Running {
  readonly workload: Workload;
  readonly spec: WorkloadSpec;
  readonly streams: AttachedStreams;
  readonly output: Collected;
}

/** Reads a stream to its end and lets a test wait for words. */
export class Collected {
  readonly ended: Promise<void>;
  private readonly text = { stdout: "", stderr: "" };
  private changed: () => void = () => undefined;

  constructor(streams: AttachedStreams) {
    this.ended = this.read(streams);
    this.ended.catch(() => this.changed());
  }

  get stdout(): string {
    return this.text.stdout;
  }

  get stderr(): string {
    return this.text.stderr;
  }

  /** Resolves when stdout holds `words`; rejects when it ends without, or they do not come. */
  async until(words: string): Promise<void> {
    const limit = deadline();
    while (!this.text.stdout.includes(words)) {
      if (limit.aborted) throw this.missing(words, "is late with");
      const more = new Promise<boolean>((resolve) => (this.changed = () => resolve(true)));
      limit.addEventListener("abort", () => this.changed(), { once: true });
      const went = await Promise.race([more, this.ended.then(() => false)]);
      if (!went && !this.text.stdout.includes(words)) throw this.missing(words, "ended without");
    }
  }

  private missing(words: string, how: string): Error {
    return new Error(`the output ${how} ${JSON.stringify(words)}: ${JSON.stringify(this.text)}`);
  }

  private async read(streams: AttachedStreams): Promise<void> {
    for await (const chunk of streams.output) {
      this.text[chunk.stream] += Buffer.from(chunk.data).toString("utf8");
      this.changed();
    }
  }
}
