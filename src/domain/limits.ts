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
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  /** null: Duet's default; -1 unlimited. */
  readonly pids: number | null;
  readonly blkioWeight: number;
  readonly oomScoreAdjust: number;
  readonly oomKillDisable: boolean;
  readonly ulimits: readonly Ulimit[];
  /** Bytes of /dev/shm. */
  readonly shmSize: number;
  readonly cgroupParent: string;
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
  /** `default`, `unconfined` or the JSON text of a profile in Docker's format. */
  readonly seccomp: string;
  /** "" for the default, `unconfined`, or a profile's name. */
  readonly apparmor: string;
  readonly selinuxLabels: readonly string[];
  /** null: Docker's defaults. [] under systempaths=unconfined. */
  readonly maskedPaths: readonly string[] | null;
  readonly readonlyPaths: readonly string[] | null;
  readonly devices: readonly DeviceMapping[];
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

export interface DeviceMapping {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Subset of `rwm`. */
  readonly permissions: string;
}
