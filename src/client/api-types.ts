/** The wire types of src/spec/docker, as users of the SDK import them. */
export type {
  ContainerChange,
  ContainerCreateAnswer,
  ContainerCreateBody,
  ContainerInspect,
  ContainerPathStat,
  ContainersPruneAnswer,
  ContainerSummary,
  ContainerTopAnswer,
  ContainerUpdateBody,
  ContainerWaitAnswer,
  DeviceMappingBody,
  DeviceRequest,
  EndpointSettings,
  HealthConfig,
  HostConfig,
  MountBody,
  PortBindingBody,
  PortSummary,
  RestartPolicy,
  UlimitBody,
} from "../spec/docker/container.ts";
export type { EventMessage } from "../spec/docker/event.ts";
export type { ExecCreateBody, ExecInspect } from "../spec/docker/exec.ts";
export type {
  AuthAnswer,
  AuthConfig,
  BuildPruneAnswer,
  ImageDeleteEntry,
  ImageHistoryEntry,
  ImageInspect,
  ImagesPruneAnswer,
  ImageSummary,
  ProgressMessage,
} from "../spec/docker/image.ts";
export type {
  IpamConfigBody,
  NetworkCreateAnswer,
  NetworkCreateBody,
  NetworkInspect,
  NetworksPruneAnswer,
} from "../spec/docker/network.ts";
export type { CpuStats, StatsBody } from "../spec/docker/stats.ts";
export type {
  BuildCacheBody,
  DiskUsageAnswer,
  InfoAnswer,
  VersionAnswer,
} from "../spec/docker/system.ts";
export type { VolumeBody, VolumeCreateBody, VolumesPruneAnswer } from "../spec/docker/volume.ts";

/** Values per filter name, such as `{ label: ["a=b"], status: ["exited"] }`. */
export type Filters = Readonly<Record<string, readonly string[]>>;
export type Labels = Readonly<Record<string, string>>;
