import type { ContainerRecord } from "../../../domain/container.ts";
import type { BlockDeviceLimit } from "../../../domain/limits.ts";
import { defaultMaskedPaths, defaultReadonlyPaths } from "../../../domain/system-paths.ts";
import type { HostConfig, MountBody } from "../../../spec/docker/container.ts";

/** What Docker shows where the user said nothing. */
const defaults = {
  Binds: null,
  ContainerIDFile: "",
  NetworkMode: "default",
  PortBindings: null,
  AutoRemove: false,
  VolumeDriver: "",
  VolumesFrom: null,
  ConsoleSize: [0, 0],
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: "private",
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: "private",
  Cgroup: "",
  Links: null,
  OomScoreAdj: 0,
  PidMode: "",
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: "",
  UsernsMode: "",
  ShmSize: 67_108_864,
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumBandwidth: 0,
  IOMaximumIOps: 0,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: null,
  MaskedPaths: null,
  ReadonlyPaths: null,
};

/**
 * HostConfig as it was asked for, with defaults where nothing was, and what `update` has changed
 * since. Isolation and Runtime say what really runs.
 */
export function encodeHostConfig(record: ContainerRecord, request: HostConfig): HostConfig {
  const { spec } = record;
  const { resources, security } = spec;
  const asked = Object.fromEntries(
    Object.entries(request).filter(([key, value]) => value !== "" || !Object.hasOwn(defaults, key)),
  );
  const shown: Record<string, unknown> = {
    ...defaults,
    ...asked,
    ...(request.Mounts === undefined ? {} : { Mounts: request.Mounts.map(withoutFalse) }),
    NetworkMode: spec.network.mode === "default" ? "bridge" : spec.network.mode,
    // Those of other networks stand in each connection.
    ...(isOnBridge(record) ? {} : { Links: null }),
    CpuPercent: 0,
    Isolation: spec.isolation === "vm" ? "vm" : (request.Isolation ?? ""),
    Runtime: spec.isolation === "vm" ? "vm" : request.Runtime || "runc",
    LogConfig: { Type: spec.logging.driver || "json-file", Config: { ...spec.logging.options } },
    RestartPolicy: {
      Name: spec.lifecycle.restart.name,
      MaximumRetryCount: spec.lifecycle.restart.maximumRetries,
    },
    Memory: resources.memory,
    MemorySwap: resources.memorySwap === 0 ? resources.memory * 2 : resources.memorySwap,
    MemorySwappiness: resources.memorySwappiness,
    OomKillDisable: resources.oomKillDisable,
    MemoryReservation: resources.memoryReservation,
    NanoCpus: resources.nanoCpus,
    CpuShares: resources.cpuShares,
    CpuPeriod: resources.cpuPeriod,
    CpuQuota: resources.cpuQuota,
    CpusetCpus: resources.cpusetCpus,
    CpusetMems: resources.cpusetMems,
    BlkioWeight: resources.blkioWeight,
    ...encodeBlockDevices(resources.blockDevices ?? [], request),
    CpuRealtimePeriod: resources.cpuRealtimePeriod ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntime ?? 0,
    PidsLimit: resources.pids === null || resources.pids < 0 ? null : resources.pids,
    CgroupnsMode: security.cgroupnsMode || "private",
    PidMode: security.pidMode,
    IpcMode: security.ipcMode || "private",
    ...(security.privileged && request.SecurityOpt === undefined
      ? { SecurityOpt: ["label=disable"] }
      : {}),
    MaskedPaths: security.privileged ? null : (security.maskedPaths ?? defaultMaskedPaths),
    ReadonlyPaths: security.privileged ? null : (security.readonlyPaths ?? defaultReadonlyPaths),
    ShmSize: resources.shmSize > 0 ? resources.shmSize : defaults.ShmSize,
  };
  return shown;
}

/** Docker's own network, where links are the container's. */
export function isOnBridge({ spec }: ContainerRecord): boolean {
  return ["default", "bridge"].includes(spec.network.mode);
}

/** As Go leaves out what is false of a bind mount's options. */
function withoutFalse({ BindOptions: options, ...mount }: MountBody): MountBody {
  if (options === undefined) return mount;
  const chosen = Object.entries(options).filter(([, value]) => value !== false);
  return { ...mount, BindOptions: Object.fromEntries(chosen) };
}

/** The limits that apply; where none does, what was asked for. */
function encodeBlockDevices(
  limits: readonly BlockDeviceLimit[],
  request: HostConfig,
): Record<string, unknown> {
  const shown = <T>(
    kind: BlockDeviceLimit["kind"],
    asked: unknown,
    one: (limit: BlockDeviceLimit) => T,
  ) => {
    const chosen = limits.filter((limit) => limit.kind === kind).map(one);
    return chosen.length > 0 || asked !== undefined ? chosen : null;
  };
  const rate = ({ path, value }: BlockDeviceLimit) => ({ Path: path, Rate: value });
  const weight = ({ path, value }: BlockDeviceLimit) => ({ Path: path, Weight: value });
  return {
    BlkioWeightDevice: shown("weight", request.BlkioWeightDevice, weight),
    BlkioDeviceReadBps: shown("readBytes", request.BlkioDeviceReadBps, rate),
    BlkioDeviceWriteBps: shown("writeBytes", request.BlkioDeviceWriteBps, rate),
    BlkioDeviceReadIOps: shown("readOperations", request.BlkioDeviceReadIOps, rate),
    BlkioDeviceWriteIOps: shown("writeOperations", request.BlkioDeviceWriteIOps, rate),
  };
}
