// Made from description/system.ts by `npm run fix`: change it there.

import type { ContainerSummary } from "./container.ts";
import type { ImageSummary } from "./image.ts";
import type { VolumeBody } from "./volume.ts";

/** The product. */
export interface VersionPlatform {
  Name: string;
}

/** A part of the engine. */
export interface VersionComponent {
  Name: string;
  Version: string;
  Details?: Record<string, string>;
}

/** `GET /version`. */
export interface VersionAnswer {
  Platform: VersionPlatform;
  Components: VersionComponent[];
  Version: string;
  ApiVersion: string;
  MinAPIVersion: string;
  GitCommit: string;
  GoVersion: string;
  Os: string;
  Arch: string;
  KernelVersion: string;
  Experimental?: boolean;
  BuildTime: string;
}

/** What is configured for one registry. */
export interface RegistryIndex {
  Name: string;
  Mirrors: string[];
  Secure: boolean;
  Official: boolean;
}

/** What is configured for registries. */
export interface RegistryService {
  /** Up to API 1.46. */
  AllowNondistributableArtifactsCIDRs?: null;
  /** Up to API 1.46. */
  AllowNondistributableArtifactsHostnames?: null;
  InsecureRegistryCIDRs: string[];
  IndexConfigs: Record<string, RegistryIndex>;
  Mirrors: string[] | null;
}

/** Names of drivers by kind. */
export interface PluginNames {
  Volume: string[];
  Network: string[];
  Authorization: string[] | null;
  Log: string[];
}

/** An OCI runtime. */
export interface RuntimeBody {
  path?: string;
  runtimeArgs?: string[];
  /** From API 1.44 on. */
  status?: Record<string, string>;
}

/** What a program was built from. */
export interface Commit {
  ID: string;
  /** Up to API 1.48. */
  Expected?: string;
}

/** What filters and translates addresses. */
export interface FirewallInfo {
  Driver: string;
  Info?: string[][];
}

/** The names under which containerd keeps what is Docker's. */
export interface ContainerdNamespaces {
  Containers: string;
  Plugins: string;
}

/** The containerd that Docker uses; Duet uses none. */
export interface ContainerdInfo {
  Address?: string;
  Namespaces: ContainerdNamespaces;
}

/** A device that a driver has found. */
export interface DeviceInfo {
  Source: string;
  ID: string;
}

/** The daemon's part in a swarm; it has none. */
export interface SwarmInfo {
  NodeID: string;
  NodeAddr: string;
  LocalNodeState: string;
  ControlAvailable: boolean;
  Error: string;
  RemoteManagers: null;
}

/** `GET /info`. */
export interface InfoAnswer {
  ID: string;
  Containers: number;
  ContainersRunning: number;
  ContainersPaused: number;
  ContainersStopped: number;
  Images: number;
  Driver: string;
  DriverStatus: string[][];
  Plugins: PluginNames;
  MemoryLimit: boolean;
  SwapLimit: boolean;
  CpuCfsPeriod: boolean;
  CpuCfsQuota: boolean;
  CPUShares: boolean;
  CPUSet: boolean;
  PidsLimit: boolean;
  IPv4Forwarding: boolean;
  /** Up to API 1.49. */
  BridgeNfIptables?: boolean;
  /** Up to API 1.49. */
  BridgeNfIp6tables?: boolean;
  /** Up to API 1.41. */
  KernelMemory?: boolean;
  KernelMemoryTCP: boolean;
  Debug: boolean;
  NFd: number;
  NGoroutines: number;
  OomKillDisable: boolean;
  SystemTime: string;
  LoggingDriver: string;
  CgroupDriver: string;
  CgroupVersion: string;
  NEventsListener: number;
  KernelVersion: string;
  OperatingSystem: string;
  OSVersion: string;
  OSType: string;
  Architecture: string;
  IndexServerAddress: string;
  RegistryConfig: RegistryService;
  NCPU: number;
  MemTotal: number;
  GenericResources: null;
  DockerRootDir: string;
  HttpProxy: string;
  HttpsProxy: string;
  NoProxy: string;
  Name: string;
  Labels: string[];
  ExperimentalBuild: boolean;
  ServerVersion: string;
  Runtimes: Record<string, RuntimeBody>;
  DefaultRuntime: string;
  Swarm: SwarmInfo;
  LiveRestoreEnabled: boolean;
  Isolation: string;
  InitBinary: string;
  ContainerdCommit: Commit;
  RuncCommit: Commit;
  InitCommit: Commit;
  SecurityOptions: string[];
  /** From API 1.49 on. */
  FirewallBackend?: FirewallInfo;
  CDISpecDirs: string[];
  /** From API 1.50 on. */
  DiscoveredDevices?: DeviceInfo[];
  /** From API 1.46 on. */
  Containerd?: ContainerdInfo;
  Warnings: string[] | null;
}

/** `GET /system/df`. */
export interface DiskUsageAnswer {
  LayersSize: number;
  Images: ImageSummary[] | null;
  Containers: ContainerSummary[] | null;
  Volumes: VolumeBody[] | null;
  BuildCache: BuildCacheBody[] | null;
  ImageStorage?: ImageStorage;
}

/** What `LayersSize` is made of, in bytes; Duet's own. */
export interface ImageStorage {
  Layers: number;
  Blobs: number;
  Disks: number;
  Ingests: number;
  Reclaimable: number;
}

/** An entry of the build cache in `GET /system/df`. */
export interface BuildCacheBody {
  ID: string;
  /** Up to API 1.41. */
  Parent?: string;
  /** From API 1.42 on. */
  Parents?: string[];
  Type: string;
  Description: string;
  InUse: boolean;
  Shared: boolean;
  Size: number;
  CreatedAt: string;
  LastUsedAt: string;
  UsageCount: number;
}

/**
 * Body of every answer with a status of 400 and more; `class`, `code` and `hint` are Duet's additions.
 */
export interface ErrorAnswer {
  message: string;
  class?: string;
  code?: string;
  hint?: string;
}
