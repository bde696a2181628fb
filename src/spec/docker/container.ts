// Made from description/container.ts by `npm run fix`: change it there.

import type { ContainerConfig } from "./container-config.ts";
import type { HostConfig, PortMap, Resources, RestartPolicy } from "./host-config.ts";

/** Addresses that a container asks for. */
export interface EndpointIpamConfig {
  IPv4Address?: string;
  IPv6Address?: string;
  LinkLocalIPs?: string[];
}

/** A container's connection to a network: what was asked for and what it got. */
export interface EndpointSettings {
  IPAMConfig?: EndpointIpamConfig | null;
  Links?: string[] | null;
  Aliases?: string[] | null;
  MacAddress?: string;
  DriverOpts?: Record<string, string> | null;
  GwPriority?: number;
  NetworkID?: string;
  EndpointID?: string;
  Gateway?: string;
  IPAddress?: string;
  IPPrefixLen?: number;
  IPv6Gateway?: string;
  GlobalIPv6Address?: string;
  GlobalIPv6PrefixLen?: number;
  DNSNames?: string[] | null;
}

/** The networks of a new container. */
export interface NetworkingConfig {
  EndpointsConfig?: Record<string, EndpointSettings>;
}

/** `POST /containers/create`. */
export interface ContainerCreateBody extends ContainerConfig {
  HostConfig?: HostConfig;
  NetworkingConfig?: NetworkingConfig;
}

/** `POST /containers/create`. */
export interface ContainerCreateAnswer {
  Id: string;
  Warnings: string[];
}

/** `POST /containers/{id}/update`. */
export interface ContainerUpdateBody extends Resources {
  RestartPolicy?: RestartPolicy;
}

/** `POST /containers/{id}/update`. */
export interface ContainerUpdateAnswer {
  Warnings: string[] | null;
}

/** A port in a list of containers. */
export interface PortSummary {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** A mount that a container has. */
export interface MountPoint {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

/** What a list tells of HostConfig; `Isolation` is Duet's addition: `container` or `vm`. */
export interface SummaryHostConfig {
  NetworkMode: string;
  Isolation?: string;
  /** From API 1.46 on. */
  Annotations?: Record<string, string>;
}

/** The networks in a list of containers. */
export interface SummaryNetworkSettings {
  Networks: Record<string, EndpointSettings>;
}

/** One entry of `GET /containers/json`. */
export interface ContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  Command: string;
  /** Seconds since the epoch. */
  Created: number;
  Ports: PortSummary[];
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Record<string, string>;
  State: string;
  Status: string;
  HostConfig: SummaryHostConfig;
  NetworkSettings: SummaryNetworkSettings;
  Mounts: MountPoint[];
}

/** One run of a health check. */
export interface HealthProbe {
  Start: string;
  End: string;
  ExitCode: number;
  Output: string;
}

/** State.Health: of containers that have a check and were started. */
export interface HealthBody {
  Status: "starting" | "healthy" | "unhealthy";
  FailingStreak: number;
  Log: HealthProbe[];
}

/** What a container is doing. */
export interface ContainerStateBody {
  Status: string;
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  Dead: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  StartedAt: string;
  FinishedAt: string;
  Health?: HealthBody;
}

/** A container's network, in inspect. */
export interface NetworkSettings {
  Bridge: string;
  SandboxID: string;
  SandboxKey: string;
  Ports: PortMap;
  HairpinMode: boolean;
  LinkLocalIPv6Address: string;
  LinkLocalIPv6PrefixLen: number;
  SecondaryIPAddresses: null;
  SecondaryIPv6Addresses: null;
  EndpointID: string;
  Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  MacAddress: string;
  Networks: Record<string, EndpointSettings>;
}

/** Where the file system of an image or a container lies. */
export interface GraphDriverBody {
  Name: string;
  Data: Record<string, string> | null;
}

/** `GET /containers/{id}/json`. */
export interface ContainerInspect {
  Id: string;
  Created: string;
  Path: string;
  Args: string[];
  State: ContainerStateBody;
  Image: string;
  ResolvConfPath: string;
  HostnamePath: string;
  HostsPath: string;
  LogPath: string;
  Name: string;
  RestartCount: number;
  Driver: string;
  Platform: string;
  MountLabel: string;
  ProcessLabel: string;
  AppArmorProfile: string;
  ExecIDs: string[] | null;
  HostConfig: HostConfig;
  GraphDriver: GraphDriverBody;
  SizeRw?: number;
  SizeRootFs?: number;
  Mounts: MountPoint[];
  Config: ContainerConfig;
  NetworkSettings: NetworkSettings;
}

/** Why a wait failed. */
export interface WaitFailure {
  Message: string;
}

/** `POST /containers/{id}/wait`. */
export interface ContainerWaitAnswer {
  StatusCode: number;
  Error?: WaitFailure;
}

/** `GET /containers/{id}/top`. */
export interface ContainerTopAnswer {
  Titles: string[];
  Processes: string[][];
}

/** One of `GET /containers/{id}/changes`. Kind: 0 modified, 1 added, 2 deleted. */
export interface ContainerChange {
  Path: string;
  Kind: 0 | 1 | 2;
}

/** In base64 in the header X-Docker-Container-Path-Stat. `mode` is Go's os.FileMode. */
export interface ContainerPathStat {
  name: string;
  size: number;
  mode: number;
  mtime: string;
  linkTarget: string;
}

/** `POST /containers/prune`. */
export interface ContainersPruneAnswer {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

export type * from "./container-config.ts";

export type * from "./host-config.ts";
