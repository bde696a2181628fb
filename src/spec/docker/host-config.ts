// Made from description/host-config.ts by `npm run fix`: change it there.

/** Where on the host a port is published. */
export interface PortBindingBody {
  HostIp?: string;
  HostPort?: string;
}

/** By `port/protocol`; null where it is exposed only. */
export type PortMap = Record<string, PortBindingBody[] | null>;

/** A device of the host in the container. */
export interface DeviceMappingBody {
  PathOnHost?: string;
  PathInContainer?: string;
  CgroupPermissions?: string;
}

/** Devices that a driver chooses, as `--gpus` asks for them. */
export interface DeviceRequest {
  Driver?: string;
  Count?: number;
  DeviceIDs?: string[];
  Capabilities?: string[][];
  Options?: Record<string, string>;
}

/** A limit of setrlimit(2); -1 is none. */
export interface UlimitBody {
  Name?: string;
  Soft?: number;
  Hard?: number;
}

/** When the daemon starts a container again. */
export interface RestartPolicy {
  Name?: string;
  MaximumRetryCount?: number;
}

/** Where the output goes. */
export interface LogConfigBody {
  Type?: string;
  Config?: Record<string, string>;
}

/** A device's share of input and output. */
export interface WeightDevice {
  Path?: string;
  Weight?: number;
}

/** A device's most bytes or operations a second. */
export interface ThrottleDevice {
  Path?: string;
  Rate?: number;
}

/** Limits, as create and update share them. Bytes, microseconds and billionths as the names say. */
export interface Resources {
  CpuShares?: number;
  Memory?: number;
  NanoCpus?: number;
  CgroupParent?: string;
  BlkioWeight?: number;
  BlkioWeightDevice?: WeightDevice[];
  BlkioDeviceReadBps?: ThrottleDevice[];
  BlkioDeviceWriteBps?: ThrottleDevice[];
  BlkioDeviceReadIOps?: ThrottleDevice[];
  BlkioDeviceWriteIOps?: ThrottleDevice[];
  CpuPeriod?: number;
  CpuQuota?: number;
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  Devices?: DeviceMappingBody[];
  DeviceCgroupRules?: string[];
  DeviceRequests?: DeviceRequest[];
  /** Up to API 1.41. */
  KernelMemory?: number;
  /** From API 1.40 on. */
  KernelMemoryTCP?: number;
  MemoryReservation?: number;
  MemorySwap?: number;
  MemorySwappiness?: number;
  OomKillDisable?: boolean;
  PidsLimit?: number;
  Ulimits?: UlimitBody[];
  /** This one and the next three are Windows's. */
  CpuCount?: number;
  CpuPercent?: number;
  IOMaximumIOps?: number;
  IOMaximumBandwidth?: number;
}

/** Of a mount of type `bind`. */
export interface BindOptions {
  Propagation?: string;
  /** From API 1.40 on. */
  NonRecursive?: boolean;
  /** From API 1.42 on. */
  CreateMountpoint?: boolean;
  /** From API 1.44 on. */
  ReadOnlyNonRecursive?: boolean;
  /** From API 1.44 on. */
  ReadOnlyForceRecursive?: boolean;
}

/** The driver that makes a mount's volume, where it has to be made. */
export interface VolumeDriverConfig {
  Name?: string;
  Options?: Record<string, string>;
}

/** Of a mount of type `volume`. */
export interface VolumeOptions {
  NoCopy?: boolean;
  Labels?: Record<string, string>;
  Subpath?: string;
  DriverConfig?: VolumeDriverConfig;
}

/** Of a mount of type `image`. */
export interface ImageOptions {
  Subpath?: string;
}

/** Of a mount of type `tmpfs`. */
export interface TmpfsOptions {
  SizeBytes?: number;
  Mode?: number;
  Options?: string[][];
}

/** A mount as `--mount` asks for it. */
export interface MountBody {
  Type?: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: BindOptions;
  VolumeOptions?: VolumeOptions;
  ImageOptions?: ImageOptions;
  TmpfsOptions?: TmpfsOptions;
}

/** What depends on the host. */
export interface HostConfig extends Resources {
  Binds?: string[];
  ContainerIDFile?: string;
  LogConfig?: LogConfigBody;
  NetworkMode?: string;
  PortBindings?: PortMap;
  RestartPolicy?: RestartPolicy;
  /** From API 1.25 on. */
  AutoRemove?: boolean;
  VolumeDriver?: string;
  VolumesFrom?: string[];
  /** Rows, columns. From API 1.42 on. */
  ConsoleSize?: number[];
  /** From API 1.43 on. */
  Annotations?: Record<string, string>;
  CapAdd?: string[];
  CapDrop?: string[];
  CgroupnsMode?: string;
  Dns?: string[];
  DnsOptions?: string[];
  DnsSearch?: string[];
  ExtraHosts?: string[];
  GroupAdd?: string[];
  IpcMode?: string;
  Cgroup?: string;
  Links?: string[];
  OomScoreAdj?: number;
  PidMode?: string;
  Privileged?: boolean;
  PublishAllPorts?: boolean;
  ReadonlyRootfs?: boolean;
  SecurityOpt?: string[];
  StorageOpt?: Record<string, string>;
  Tmpfs?: Record<string, string>;
  UTSMode?: string;
  UsernsMode?: string;
  ShmSize?: number;
  Sysctls?: Record<string, string>;
  Runtime?: string;
  /** Duet reads `vm` and `container` here, besides an empty one and `default`. */
  Isolation?: string;
  Mounts?: MountBody[];
  MaskedPaths?: string[];
  ReadonlyPaths?: string[];
  Init?: boolean;
}
