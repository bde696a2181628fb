import type { Isolation, ObjectId } from "./identity.ts";
import type { WorkloadHandle } from "./container.ts";
import type { ResourceLimits, SecuritySpec } from "./limits.ts";
import type { InterfaceSetup, LinkTarget } from "./network.ts";
import type { AttachedStreams, ExitRecord, ProcessSpec } from "./process.ts";
import type { RootfsSession } from "./rootfs.ts";
import type { RootKind, RootSource } from "./snapshot.ts";

/** Everything a runtime needs, resolved: no default is left to it. */
export interface WorkloadSpec {
  readonly id: ObjectId;
  /** Durable folder of this workload (log, exit record); exists. */
  readonly stateDirectory: string;
  /** Folder for sockets and pids, gone after a reboot; exists, short enough for a unix socket. */
  readonly runDirectory: string;
  readonly root: RootSource;
  /** Whether `openRoot` still works after the process's end, until `delete`; else only where its host can read the root. */
  readonly keepsRoot?: boolean;
  readonly readonlyRoot: boolean;
  readonly process: ProcessSpec;
  readonly init: boolean;
  readonly hostname: string;
  readonly domainname: string;
  /** Contents of /etc/hostname, /etc/hosts and /etc/resolv.conf, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly mounts: readonly WorkloadMount[];
  /** Host folder to be /dev/shm; null or absent for one of its own. */
  readonly sharedMemory?: string | null;
  readonly resources: ResourceLimits;
  readonly security: SecuritySpec;
  readonly network: WorkloadNetwork;
  readonly log: WorkloadLog;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface WorkloadMount {
  readonly kind: "bind" | "tmpfs";
  /** Absolute host path; "" for tmpfs. */
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  readonly propagation: string;
  readonly nonRecursive: boolean;
  /** As in MountSpec; absent for `usual`. */
  readonly readonlyDepth?: "usual" | "top" | "all";
  /** `size=...`, `mode=...` and the like for tmpfs. */
  readonly options: readonly string[];
}

/** `own`: a namespace or guest of its own, joined by endpoints. `none`: the same, with loopback only. */
export type WorkloadNetwork =
  | { readonly kind: "own" | "none" | "host" }
  | { readonly kind: "join"; readonly pid: number };

/** Docker's json-file log, written by the shim; no path where logging is off. */
export interface WorkloadLog {
  readonly path: string | null;
  /** Bytes at which the file rotates; 0 never. */
  readonly maximumSize: number;
  /** Files kept, at least 1. */
  readonly maximumFiles: number;
}

/** A counter of one block device. */
export interface BlockCount {
  readonly major: number;
  readonly minor: number;
  /** As the kernel names it: `Read`, `Write`, `Sync`, ... */
  readonly operation: string;
  readonly value: number;
}

export interface WorkloadStats {
  readonly readAt: number;
  /** Nanoseconds of processor time. */
  readonly cpuTotal: number;
  readonly cpuUser: number;
  readonly cpuKernel: number;
  readonly systemCpu: number;
  readonly onlineCpus: number;
  /** Bytes. */
  readonly memoryUsage: number;
  readonly memoryLimit: number;
  readonly memoryDetail: Readonly<Record<string, number>>;
  readonly pids: number;
  readonly pidsLimit: number;
  /** The most memory ever, and how often the limit was hit, where the kernel counts them. */
  readonly memoryPeak?: number;
  readonly memoryFailures?: number;
  /** Nanoseconds by processor, where the kernel counts them. */
  readonly cpuEach?: readonly number[];
  readonly blockRead: number;
  readonly blockWritten: number;
  /** The same by device and operation, where known. */
  readonly blockBytes?: readonly BlockCount[];
  readonly blockOperations?: readonly BlockCount[];
  readonly throttled: {
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly time: number;
  };
}

/** Limits that this host has means for. */
export interface LimitAbilities {
  readonly memory: boolean;
  readonly swap: boolean;
  readonly oomKillDisable: boolean;
  readonly pids: boolean;
  readonly shares: boolean;
  readonly quota: boolean;
  readonly cpuset: boolean;
  readonly blockWeight: boolean;
  readonly blockDeviceWeight: boolean;
  readonly blockRates: boolean;
}

/** What a runtime makes of a request that it does not refuse. */
export interface Acceptance {
  /** The limits without those that this host has no means for. */
  readonly resources: ResourceLimits;
  /** One for each limit that was dropped or will be lessened, in Docker's words where it has some. */
  readonly warnings: readonly string[];
}

/**
 * One isolation. The engine asks `runtimes.get(isolation)` once; after that both are this interface.
 *
 * Life of a workload: `open` (shim runs, namespaces or VM exist, nothing of the image runs) →
 * `create` (the process is made but not started; may run beside the network's connect) →
 * `configureNetwork` → `attach` as often as wanted → `start` → `wait` → `delete`.
 * A shim owns the workload: the daemon may die at any point and `find` it again.
 */
export interface Runtime {
  readonly isolation: Isolation;
  /** Such as `runc 1.1.5` or `qemu 7.2 (tcg)`. */
  readonly description: string;
  /** The name for Docker's `Runtimes`: `runc`, `crun` or `vm`. */
  readonly name: string;
  /** Of its images' roots; that of `vm` takes `machine` besides. */
  readonly rootKind: Exclude<RootKind, "machine">;
  /** Absent where the host's limits are not this runtime's. */
  readonly abilities?: LimitAbilities;
  /** The profile of the host's AppArmor that a workload gets which asks for none; absent where the host has none. */
  readonly profile?: string;
  /** How many workloads made in advance wait to be used; absent where none are made. */
  readonly waiting?: number;
  /** How many machines were taken since the daemon's start, for workloads and to read disks; absent where there are none. */
  readonly used?: number;
  /** Refuses, with `unsupported` and the reason, what this isolation cannot do; called at create. */
  check(
    spec: Pick<WorkloadSpec, "mounts" | "resources" | "security" | "network" | "init">,
  ): Acceptance;
  open(spec: WorkloadSpec, signal: AbortSignal): Promise<Workload>;
  /** The workload of an earlier daemon; undefined where its shim is gone. */
  find(id: ObjectId, handle: WorkloadHandle, signal: AbortSignal): Promise<Workload | undefined>;
  /** Host path of an engine's file of a workload such as /etc/hosts; absent where the guest has them itself. */
  filePath?(stateDirectory: string, path: string): string;
  /** Exit record that a shim left on disk, or undefined. */
  exitRecord(stateDirectory: string): Promise<ExitRecord | undefined>;
  /** Removes what a dead shim left: cgroups, sockets, stray processes, by owner tag. Idempotent. */
  sweep(
    id: ObjectId,
    stateDirectory: string,
    runDirectory: string,
    signal: AbortSignal,
  ): Promise<void>;
  /** Opens a root that no workload runs on, for cp, diff and export of a stopped container. */
  openRoot(root: RootSource, signal: AbortSignal): Promise<RootfsSession>;
  /** Makes ready what speeds up later starts (template, pool); at daemon start, in the background. */
  warm(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface Workload {
  readonly id: ObjectId;
  readonly handle: WorkloadHandle;
  /** Where the network connects; null for `host` and joined networks. */
  readonly link: LinkTarget | null;
  /** Host pid of the main process, or of QEMU. Set after `create`. */
  readonly pid: number;
  create(signal: AbortSignal): Promise<void>;
  /**
   * Makes a place for an interface, at any time after `open`: gives where the network connects it, before
   * `configureNetwork` names it. `interfaceName` is `eth0`, `eth1`, ..., one that the workload does not have.
   * Throws `exhausted` TOO_MANY_NETWORKS. Only where `link` is not null.
   */
  plug(interfaceName: string, mac: string, signal: AbortSignal): Promise<LinkTarget>;
  /** Takes an interface away, after the network has disconnected it. */
  unplug(interfaceName: string, signal: AbortSignal): Promise<void>;
  configureNetwork(interfaces: readonly InterfaceSetup[], signal: AbortSignal): Promise<void>;
  /** Changes one of the spec's `files` as the workload sees it; lines of the workload's own stay. */
  changeFile(path: string, change: LineChange, signal: AbortSignal): Promise<void>;
  start(signal: AbortSignal): Promise<void>;
  attach(options: { readonly stdin: boolean }, signal: AbortSignal): Promise<AttachedStreams>;
  resize(rows: number, columns: number, signal: AbortSignal): Promise<void>;
  /** Signals the main process. */
  signal(signalNumber: number, signal: AbortSignal): Promise<void>;
  /** Resolves once, when the exit record is on disk. */
  wait(signal: AbortSignal): Promise<ExitRecord>;
  exec(process: ProcessSpec, signal: AbortSignal): Promise<WorkloadProcess>;
  pause(signal: AbortSignal): Promise<void>;
  resume(signal: AbortSignal): Promise<void>;
  update(resources: ResourceLimits, signal: AbortSignal): Promise<void>;
  stats(signal: AbortSignal): Promise<WorkloadStats>;
  /** Processes as `ps` would show them: titles and one row of columns each. */
  processes(psArguments: readonly string[], signal: AbortSignal): Promise<ProcessList>;
  /** The running root, seen from the outside. */
  openRoot(signal: AbortSignal): Promise<RootfsSession>;
  /** Ends whatever still runs and frees everything but the state directory. Idempotent. */
  delete(signal: AbortSignal): Promise<void>;
}

/** Every line equal to one of `remove` goes, then those of `add` are put at the end. */
export interface LineChange {
  readonly remove: readonly string[];
  readonly add: readonly string[];
}

export interface ProcessList {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A process started by exec; its streams exist from the first byte on. */
export interface WorkloadProcess {
  /** Host pid where there is one, else the guest's. */
  readonly pid: number;
  readonly streams: AttachedStreams;
  resize(rows: number, columns: number, signal: AbortSignal): Promise<void>;
  signal(signalNumber: number, signal: AbortSignal): Promise<void>;
  wait(signal: AbortSignal): Promise<ExitRecord>;
}
