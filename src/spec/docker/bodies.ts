// Made from description/ by `npm run fix`: change it there.

import type { ContainerCreateBody, ContainerUpdateBody } from "./container.ts";
import type { ContainerConfig } from "./container-config.ts";
import type { ExecCreateBody, ExecStartBody } from "./exec.ts";
import type { AuthConfig } from "./image.ts";
import type { NetworkConnectBody, NetworkCreateBody, NetworkDisconnectBody } from "./network.ts";
import type { VolumeCreateBody } from "./volume.ts";
import {
  any,
  bool,
  completeObject,
  int,
  int64,
  list,
  map,
  object,
  string,
  struct,
  uint,
  uint16,
  uint32,
  uint64,
  words,
  type Fields,
} from "./shape.ts";

export const authConfig = object<AuthConfig>("AuthConfig", {
  username: string,
  password: string,
  auth: string,
  serveraddress: string,
  identitytoken: string,
  registrytoken: string,
});

const healthConfig = object("HealthConfig", {
  Test: list(string),
  Interval: int64,
  Timeout: int64,
  StartPeriod: int64,
  StartInterval: { ...int64, since: 1044 },
  Retries: int,
});

const containerConfigFields: Fields = {
  Hostname: string,
  Domainname: string,
  User: string,
  AttachStdin: bool,
  AttachStdout: bool,
  AttachStderr: bool,
  ExposedPorts: map(struct),
  Tty: bool,
  OpenStdin: bool,
  StdinOnce: bool,
  Env: list(string),
  Cmd: words,
  Healthcheck: healthConfig,
  ArgsEscaped: bool,
  Image: string,
  Volumes: map(struct),
  WorkingDir: string,
  Entrypoint: words,
  NetworkDisabled: bool,
  MacAddress: string,
  OnBuild: list(string),
  Labels: map(string),
  StopSignal: string,
  StopTimeout: int,
  Shell: words,
};

export const containerConfig = object<ContainerConfig>("ContainerConfig", containerConfigFields);

const weightDevice = completeObject("WeightDevice", {
  Path: string,
  Weight: uint16,
});

const throttleDevice = completeObject("ThrottleDevice", {
  Path: string,
  Rate: uint64,
});

const deviceMappingBody = completeObject("DeviceMapping", {
  PathOnHost: string,
  PathInContainer: string,
  CgroupPermissions: string,
});

const deviceRequest = completeObject("DeviceRequest", {
  Driver: string,
  Count: int,
  DeviceIDs: list(string),
  Capabilities: list(list(string)),
  Options: map(string),
});

const ulimitBody = completeObject("Ulimit", {
  Name: string,
  Soft: int64,
  Hard: int64,
});

const resourcesFields: Fields = {
  CpuShares: int64,
  Memory: int64,
  NanoCpus: int64,
  CgroupParent: string,
  BlkioWeight: uint16,
  BlkioWeightDevice: list(weightDevice),
  BlkioDeviceReadBps: list(throttleDevice),
  BlkioDeviceWriteBps: list(throttleDevice),
  BlkioDeviceReadIOps: list(throttleDevice),
  BlkioDeviceWriteIOps: list(throttleDevice),
  CpuPeriod: int64,
  CpuQuota: int64,
  CpuRealtimePeriod: int64,
  CpuRealtimeRuntime: int64,
  CpusetCpus: string,
  CpusetMems: string,
  Devices: list(deviceMappingBody),
  DeviceCgroupRules: list(string),
  DeviceRequests: list(deviceRequest),
  KernelMemory: { ...int64, until: 1041 },
  KernelMemoryTCP: { ...int64, since: 1040 },
  MemoryReservation: int64,
  MemorySwap: int64,
  MemorySwappiness: int64,
  OomKillDisable: bool,
  PidsLimit: int64,
  Ulimits: list(ulimitBody),
  CpuCount: int64,
  CpuPercent: int64,
  IOMaximumIOps: uint64,
  IOMaximumBandwidth: uint64,
};

const logConfigBody = completeObject("LogConfig", {
  Type: string,
  Config: map(string),
});

const portBindingBody = completeObject("PortBinding", {
  HostIp: string,
  HostPort: string,
});

const portMap = map(list(portBindingBody));

const restartPolicy = completeObject("RestartPolicy", {
  Name: string,
  MaximumRetryCount: int,
});

const bindOptions = object("BindOptions", {
  Propagation: string,
  NonRecursive: { ...bool, since: 1040 },
  CreateMountpoint: { ...bool, since: 1042 },
  ReadOnlyNonRecursive: { ...bool, since: 1044 },
  ReadOnlyForceRecursive: { ...bool, since: 1044 },
});

const volumeDriverConfig = object("Driver", {
  Name: string,
  Options: map(string),
});

const volumeOptions = object("VolumeOptions", {
  NoCopy: bool,
  Labels: map(string),
  Subpath: string,
  DriverConfig: volumeDriverConfig,
});

const imageOptions = object("ImageOptions", {
  Subpath: string,
});

const tmpfsOptions = object("TmpfsOptions", {
  SizeBytes: int64,
  Mode: uint32,
  Options: list(list(string)),
});

const mountBody = object("Mount", {
  Type: string,
  Source: string,
  Target: string,
  ReadOnly: bool,
  Consistency: string,
  BindOptions: bindOptions,
  VolumeOptions: volumeOptions,
  ImageOptions: imageOptions,
  TmpfsOptions: tmpfsOptions,
});

const hostConfig = object("HostConfig", {
  ...resourcesFields,
  Binds: list(string),
  ContainerIDFile: string,
  LogConfig: logConfigBody,
  NetworkMode: string,
  PortBindings: portMap,
  RestartPolicy: restartPolicy,
  AutoRemove: { ...bool, since: 1025 },
  VolumeDriver: string,
  VolumesFrom: list(string),
  ConsoleSize: { ...list(uint), since: 1042 },
  Annotations: { ...map(string), since: 1043 },
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: string,
  Dns: list(string),
  DnsOptions: list(string),
  DnsSearch: list(string),
  ExtraHosts: list(string),
  GroupAdd: list(string),
  IpcMode: string,
  Cgroup: string,
  Links: list(string),
  OomScoreAdj: int,
  PidMode: string,
  Privileged: bool,
  PublishAllPorts: bool,
  ReadonlyRootfs: bool,
  SecurityOpt: list(string),
  StorageOpt: map(string),
  Tmpfs: map(string),
  UTSMode: string,
  UsernsMode: string,
  ShmSize: int64,
  Sysctls: map(string),
  Runtime: string,
  Isolation: string,
  Mounts: list(mountBody),
  MaskedPaths: list(string),
  ReadonlyPaths: list(string),
  Init: bool,
});

const endpointIpamConfig = object("EndpointIPAMConfig", {
  IPv4Address: string,
  IPv6Address: string,
  LinkLocalIPs: list(string),
});

const endpointSettings = object("EndpointSettings", {
  IPAMConfig: endpointIpamConfig,
  Links: list(string),
  Aliases: list(string),
  MacAddress: string,
  DriverOpts: map(string),
  GwPriority: int,
  NetworkID: string,
  EndpointID: string,
  Gateway: string,
  IPAddress: string,
  IPPrefixLen: int,
  IPv6Gateway: string,
  GlobalIPv6Address: string,
  GlobalIPv6PrefixLen: int,
  DNSNames: list(string),
});

const networkingConfig = object("NetworkingConfig", {
  EndpointsConfig: map(endpointSettings),
});

export const containerCreateBody = object<ContainerCreateBody>("CreateRequest", {
  ...containerConfigFields,
  HostConfig: hostConfig,
  NetworkingConfig: networkingConfig,
});

export const containerUpdateBody = object<ContainerUpdateBody>("UpdateConfig", {
  ...resourcesFields,
  RestartPolicy: restartPolicy,
});

export const execCreateBody = object<ExecCreateBody>("ExecOptions", {
  User: string,
  Privileged: bool,
  Tty: bool,
  ConsoleSize: { ...list(uint), since: 1042 },
  AttachStdin: bool,
  AttachStderr: bool,
  AttachStdout: bool,
  DetachKeys: string,
  Detach: bool,
  Env: { ...list(string), since: 1025 },
  WorkingDir: { ...string, since: 1035 },
  Cmd: list(string),
});

export const execStartBody = object<ExecStartBody>("ExecStartOptions", {
  Detach: bool,
  Tty: bool,
  ConsoleSize: { ...list(uint), since: 1042 },
});

const configReference = object("ConfigReference", {
  Network: string,
});

const ipamConfigBody = object("IPAMConfig", {
  Subnet: string,
  IPRange: string,
  Gateway: string,
  AuxiliaryAddresses: map(string),
});

const ipamBody = object("IPAM", {
  Driver: string,
  Options: map(string),
  Config: list(ipamConfigBody),
});

export const networkCreateBody = object<NetworkCreateBody>("CreateRequest", {
  Name: string,
  CheckDuplicate: { ...bool, until: 1043 },
  Driver: string,
  Scope: string,
  Internal: bool,
  Attachable: bool,
  Ingress: { ...bool, since: 1029 },
  ConfigOnly: { ...bool, since: 1030 },
  ConfigFrom: { ...configReference, since: 1030 },
  EnableIPv4: { ...bool, since: 1048 },
  EnableIPv6: bool,
  IPAM: ipamBody,
  Options: map(string),
  Labels: map(string),
});

export const networkConnectBody = object<NetworkConnectBody>("ConnectOptions", {
  Container: string,
  EndpointConfig: endpointSettings,
});

export const networkDisconnectBody = object<NetworkDisconnectBody>("DisconnectOptions", {
  Container: string,
  Force: bool,
});

export const volumeCreateBody = object<VolumeCreateBody>("CreateOptions", {
  Name: string,
  Driver: string,
  DriverOpts: map(string),
  Labels: map(string),
  ClusterVolumeSpec: { ...any, since: 1042 },
});
