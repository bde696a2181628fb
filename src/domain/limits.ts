/** Limits on what a workload may use; 0, "" and null leave the default. */
export interface ResourceLimits {
  /** Bytes. For a VM also the guest's memory size. */
  readonly memory: number;
  /** Bytes, memory and swap together; -1 unlimited. */
  readonly memorySwap: number;
  readonly memoryReservation: number;
  readonly memorySwappiness: number | null;
  /** Billionths of a processor. For a VM, rounded up, also the number of vCPUs. */
  readonly nanoCpus: number;
  readonly cpuShares: number;
  /** Microseconds. */
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
  /** Microseconds of real-time scheduling; version 1 of cgroups only. */
  readonly cpuRealtimePeriod?: number;
  readonly cpuRealtimeRuntime?: number;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  /** null: Duet's default; -1 unlimited. */
  readonly pids: number | null;
  readonly blkioWeight: number;
  readonly blockDevices?: readonly BlockDeviceLimit[];
  readonly oomScoreAdjust: number;
  readonly oomKillDisable: boolean;
  readonly ulimits: readonly Ulimit[];
  /** Bytes of /dev/shm. */
  readonly shmSize: number;
  readonly cgroupParent: string;
}

export const noLimits: ResourceLimits = {
  ...{ memory: 0, memorySwap: 0, memoryReservation: 0, memorySwappiness: null },
  ...{ nanoCpus: 0, cpuShares: 0, cpuPeriod: 0, cpuQuota: 0, cpusetCpus: "", cpusetMems: "" },
  ...{ pids: null, blkioWeight: 0, oomScoreAdjust: 0, oomKillDisable: false, ulimits: [] },
  ...{ shmSize: 0, cgroupParent: "" },
};

/** Bytes of /dev/shm where nobody says how many, as in Docker. */
export const defaultSharedMemorySize = 64 << 20;

/** A share or a rate of one block device of the host. */
export interface BlockDeviceLimit {
  readonly kind: "weight" | "readBytes" | "writeBytes" | "readOperations" | "writeOperations";
  readonly path: string;
  /** 10 to 1000 for a weight, else bytes or operations a second. */
  readonly value: number;
}

export const ulimitNames: ReadonlySet<string> = new Set(
  "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

/** Reads `name=soft[:hard]`, as Docker's clients write it; undefined where it is none. -1 is unlimited. */
export function parseUlimit(text: unknown): Ulimit | undefined {
  const match =
    typeof text === "string" ? /^([a-z]+)=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(text) : null;
  const [, name = "", first = "", second = first] = match ?? [];
  const soft = Number(first);
  const hard = Number(second);
  const isOrdered = hard === -1 || (soft !== -1 && soft <= hard);
  return match !== null && ulimitNames.has(name) && isOrdered ? { name, soft, hard } : undefined;
}

export interface Ulimit {
  /** `nofile`, `nproc`, ... without RLIMIT_. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export interface SecuritySpec {
  readonly privileged: boolean;
  /** Names with or without `CAP_`, or `ALL`. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly noNewPrivileges: boolean;
  /** Whether the workload may write to its own cgroup though it is not privileged. */
  readonly writableCgroups?: boolean;
  /** `default`, `unconfined` or the JSON text of a profile in Docker's format. */
  readonly seccomp: string;
  /** "" for the default, `unconfined`, or a profile's name. */
  readonly apparmor: string;
  readonly selinuxLabels: readonly string[];
  /** null: Docker's defaults. [] under systempaths=unconfined. */
  readonly maskedPaths: readonly string[] | null;
  readonly readonlyPaths: readonly string[] | null;
  readonly devices: readonly DeviceMapping[];
  /** What drivers of the engine would have to give, such as GPUs; there are none, so no start succeeds with one. */
  readonly deviceRequests?: readonly DeviceDriverRequest[];
  readonly deviceCgroupRules: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly groupAdd: readonly string[];
  /** "", `private`, `shareable`, `none`, `host` or `container:ID`. */
  readonly ipcMode: string;
  /** "", `host` or `container:ID`. */
  readonly pidMode: string;
  /** "" or `host`. */
  readonly utsMode: string;
  /** "", `private` or `host`. */
  readonly cgroupnsMode: string;
  /** "" or `host`. */
  readonly usernsMode: string;
}

export interface DeviceDriverRequest {
  readonly driver: string;
  readonly ids: readonly string[];
  readonly capabilities: readonly (readonly string[])[];
}

export interface DeviceMapping {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Subset of `rwm`. */
  readonly permissions: string;
}
