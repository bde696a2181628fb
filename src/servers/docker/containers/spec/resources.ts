import {
  ulimitNames,
  type BlockDeviceLimit,
  type DeviceDriverRequest,
  type DeviceMapping,
  type ResourceLimits,
  type Ulimit,
} from "../../../../domain/limits.ts";
import type {
  DeviceMappingBody,
  DeviceRequest,
  HostConfig,
  Resources,
  UlimitBody,
} from "../../../../spec/docker/container.ts";
import { invalid } from "../../failures.ts";

/** Processors and memory nodes that the kernel can number (CONFIG_NR_CPUS at most 8192). */
const maximumSetNumber = 8191;
/** Limits of a new container; 0, "" and null leave the default. */
export function resourcesOf(host: HostConfig): ResourceLimits {
  if ((host.CpuShares ?? 0) < 0) {
    throw invalid(`invalid CPU shares (${host.CpuShares}): value must be a positive integer`);
  }
  const swappiness = host.MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw invalid(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  return {
    memory: host.Memory ?? 0,
    memorySwap: host.MemorySwap ?? 0,
    memoryReservation: host.MemoryReservation ?? 0,
    memorySwappiness: swappiness < 0 ? null : swappiness,
    nanoCpus: host.NanoCpus ?? 0,
    cpuShares: host.CpuShares ?? 0,
    cpuPeriod: host.CpuPeriod ?? 0,
    cpuQuota: host.CpuQuota ?? 0,
    cpuRealtimePeriod: host.CpuRealtimePeriod ?? 0,
    cpuRealtimeRuntime: host.CpuRealtimeRuntime ?? 0,
    cpusetCpus: checkSet("cpus", host.CpusetCpus ?? ""),
    cpusetMems: checkSet("mems", host.CpusetMems ?? ""),
    pids: pidsOf(host.PidsLimit),
    blkioWeight: checkWeight(host.BlkioWeight ?? 0),
    blockDevices: blockDevicesOf(host),
    oomScoreAdjust: host.OomScoreAdj ?? 0,
    oomKillDisable: host.OomKillDisable ?? false,
    ulimits: (host.Ulimits ?? []).map(ulimitOf),
    shmSize: host.ShmSize ?? 0,
    cgroupParent: host.CgroupParent ?? "",
  };
}

function checkWeight(weight: number): number {
  if (weight <= 65_535) return weight;
  throw invalid(
    `invalid JSON: json: cannot unmarshal number ${weight} into Go struct field .HostConfig.BlkioWeight of type uint16`,
  );
}

function blockDevicesOf(host: HostConfig): BlockDeviceLimit[] {
  const rates = {
    readBytes: host.BlkioDeviceReadBps,
    writeBytes: host.BlkioDeviceWriteBps,
    readOperations: host.BlkioDeviceReadIOps,
    writeOperations: host.BlkioDeviceWriteIOps,
  } as const;
  return [
    ...(host.BlkioWeightDevice ?? []).map(({ Path = "", Weight = 0 }): BlockDeviceLimit => {
      return { kind: "weight", path: Path, value: Weight };
    }),
    ...Object.entries(rates).flatMap(([kind, list]) =>
      (list ?? []).map(({ Path = "", Rate = 0 }): BlockDeviceLimit => {
        return { kind: kind as keyof typeof rates, path: Path, value: Rate };
      }),
    ),
  ];
}

/** Clients send 0 where the user said nothing: that is the default. Less than 0 is unlimited. */
function pidsOf(limit: number | undefined): number | null {
  if (limit === undefined || limit === 0) return null;
  return limit < 0 ? -1 : limit;
}

/** The limits that an update names, and only those. */
export function changedResources(body: Resources): Partial<ResourceLimits> {
  const all = resourcesOf(body);
  const pairs: [keyof Resources, keyof ResourceLimits][] = [
    ["Memory", "memory"],
    ["MemorySwap", "memorySwap"],
    ["MemoryReservation", "memoryReservation"],
    ["NanoCpus", "nanoCpus"],
    ["CpuShares", "cpuShares"],
    ["CpuPeriod", "cpuPeriod"],
    ["CpuQuota", "cpuQuota"],
    ["CpuRealtimePeriod", "cpuRealtimePeriod"],
    ["CpuRealtimeRuntime", "cpuRealtimeRuntime"],
    ["CpusetCpus", "cpusetCpus"],
    ["CpusetMems", "cpusetMems"],
    ["BlkioWeight", "blkioWeight"],
  ];
  const named = pairs.filter(
    ([key]) => body[key] !== undefined && body[key] !== 0 && body[key] !== "",
  );
  const changes = Object.fromEntries(named.map(([, name]) => [name, all[name]]));
  if (body.PidsLimit === undefined) return changes;
  return { ...changes, pids: body.PidsLimit <= 0 ? -1 : body.PidsLimit };
}

function ulimitOf(body: UlimitBody): Ulimit {
  const name = body.Name ?? "";
  if (!ulimitNames.has(name)) throw invalid(`invalid ulimit type: ${name.slice(0, 40)}`);
  const soft = body.Soft ?? 0;
  const hard = body.Hard ?? soft;
  const isOver = hard !== -1 && (soft === -1 || soft > hard);
  if (isOver) {
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { name, soft, hard };
}

/** Checks `0-3,7` without ever expanding it (CVE-2018-20699). */
function checkSet(what: "cpus" | "mems", text: string): string {
  if (text === "") return text;
  const bad = (why: string): Error =>
    invalid(`Invalid value ${text.slice(0, 100)} for cpuset ${what}: ${why}`);
  if (text.length > 4096) throw bad("it is over 4096 characters long");
  for (const part of text.split(",")) {
    const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part.trim());
    const low = Number(match?.[1]);
    const high = Number(match?.[2] ?? match?.[1]);
    if (match === null || low > high) throw bad(`invalid format: ${text.slice(0, 100)}`);
    if (high > maximumSetNumber) throw bad("value of out range, maximum is 8192");
  }
  return text.replaceAll(" ", "");
}

export function devicesOf(devices: readonly DeviceMappingBody[]): DeviceMapping[] {
  return devices.map((device) => {
    const hostPath = device.PathOnHost ?? "";
    const containerPath = device.PathInContainer || hostPath;
    const permissions = device.CgroupPermissions || "rwm";
    if (!hostPath.startsWith("/") || !containerPath.startsWith("/")) {
      throw invalid(
        `invalid device: ${JSON.stringify(hostPath.slice(0, 100))} must be an absolute path`,
      );
    }
    if (!/^[rwm]{1,3}$/.test(permissions)) {
      throw invalid(`invalid device mode: ${permissions.slice(0, 20)}`);
    }
    return { hostPath, containerPath, permissions };
  });
}

export function deviceRequestsOf(requests: readonly DeviceRequest[]): DeviceDriverRequest[] {
  return requests.map((request) => ({
    driver: request.Driver ?? "",
    ids: request.DeviceIDs ?? [],
    capabilities: request.Capabilities ?? [],
  }));
}
