import type { DeviceMapping, ResourceLimits, Ulimit } from "../../../../domain/limits.ts";
import type {
  DeviceMappingBody,
  HostConfig,
  Resources,
  UlimitBody,
} from "../../../../spec/docker/container.ts";
import { invalid, unsupported } from "../../failures.ts";

/** Processors and memory nodes that the kernel can number (CONFIG_NR_CPUS at most 8192). */
const maximumSetNumber = 8191;
const ulimitNames = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

/** Limits of a new container; 0, "" and null leave the default. */
export function resourcesOf(host: HostConfig): ResourceLimits {
  refuseInexpressible(host);
  const swappiness = host.MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw invalid(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  const weight = host.BlkioWeight ?? 0;
  if (weight !== 0 && (weight < 10 || weight > 1000)) {
    throw invalid("Range of blkio weight is from 10 to 1000");
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
    cpusetCpus: checkSet("CPUs", host.CpusetCpus ?? ""),
    cpusetMems: checkSet("memory nodes", host.CpusetMems ?? ""),
    pids: pidsOf(host.PidsLimit),
    blkioWeight: weight,
    oomScoreAdjust: host.OomScoreAdj ?? 0,
    oomKillDisable: host.OomKillDisable ?? false,
    ulimits: (host.Ulimits ?? []).map(ulimitOf),
    shmSize: host.ShmSize ?? 0,
    cgroupParent: host.CgroupParent ?? "",
  };
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

/** What the user asked for and Duet has no means for must not be dropped silently: it is a limit. */
function refuseInexpressible(host: HostConfig): void {
  const lists = [
    "BlkioWeightDevice",
    "BlkioDeviceReadBps",
    "BlkioDeviceWriteBps",
    "BlkioDeviceReadIOps",
    "BlkioDeviceWriteIOps",
  ] as const;
  for (const name of lists) {
    if ((host[name]?.length ?? 0) > 0) throw unsupported(`${name} is not supported yet`);
  }
  if ((host.CpuRealtimePeriod ?? 0) !== 0 || (host.CpuRealtimeRuntime ?? 0) !== 0) {
    throw unsupported("real-time CPU limits are not supported", "use --cpus or --cpu-shares");
  }
  if ((host.KernelMemoryTCP ?? 0) !== 0) throw unsupported("KernelMemoryTCP is not supported");
  const request = host.DeviceRequests?.[0];
  if (request !== undefined) {
    const capabilities = (request.Capabilities ?? []).map((words) => `[${words.join(" ")}]`);
    throw unsupported(
      `could not select device driver ${JSON.stringify(request.Driver ?? "")} with capabilities: [${capabilities.join(" ")}]`,
    );
  }
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
function checkSet(what: string, text: string): string {
  if (text === "") return text;
  const isValid =
    text.length <= 4096 &&
    text.split(",").every((part) => {
      const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part.trim());
      if (match === null) return false;
      const low = Number(match[1]);
      const high = Number(match[2] ?? match[1]);
      return low <= high && high <= maximumSetNumber;
    });
  if (isValid) return text.replaceAll(" ", "");
  throw invalid(`Requested ${what} are not available - requested ${text.slice(0, 100)}`);
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
