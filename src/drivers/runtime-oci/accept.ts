import { checkAvailable } from "../../domain/cpuset.ts";
import type { BlockDeviceLimit, ResourceLimits } from "../../domain/limits.ts";
import type { Acceptance } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import type { HostAbilities } from "./abilities.ts";
import { clippedUlimits, resolveUlimits } from "./ulimits.ts";

/** Drops the limits that this host has no means for, with Docker's warnings; refuses what it refuses. */
export function acceptLimits(asked: ResourceLimits, host: HostAbilities): Acceptance {
  const warnings: string[] = [];
  let resources = acceptMemory(asked, host, warnings);
  resources = acceptProcessor(resources, host, warnings);
  resources = acceptBlockIo(resources, host, warnings);
  resolveUlimits(resources, host.ceilings);
  warnings.push(...clippedUlimits(resources, host.ceilings));
  if (resources.oomScoreAdjust < host.lowestOomScore) {
    warnings.push(
      `This host cannot lower the OOM score below ${host.lowestOomScore} (CAP_SYS_RESOURCE is missing). OOM score ${resources.oomScoreAdjust} raised to it.`,
    );
  }
  return { resources, warnings };
}

function acceptMemory(
  asked: ResourceLimits,
  host: HostAbilities,
  warnings: string[],
): ResourceLimits {
  let resources = asked;
  const drop = (message: string, change: Partial<ResourceLimits>): void => {
    warnings.push(message);
    resources = { ...resources, ...change };
  };
  if (resources.memory > 0 && !host.memory) {
    drop(missing("memory limit capabilities", "Limitation discarded."), {
      memory: 0,
      memorySwap: -1,
    });
  }
  if (resources.memory > 0 && resources.memorySwap !== -1 && !host.swap) {
    drop(missing("swap limit capabilities", "Memory limited without swap."), { memorySwap: -1 });
  }
  if (resources.memorySwappiness !== null && !host.swappiness) {
    drop(missing("memory swappiness capabilities", "Memory swappiness discarded."), {
      memorySwappiness: null,
    });
  }
  if (resources.memoryReservation > 0 && !host.reservation) {
    drop(missing("memory soft limit capabilities", "Limitation discarded."), {
      memoryReservation: 0,
    });
  }
  if (resources.oomKillDisable && !host.oomKillDisable) {
    drop("Your kernel does not support OomKillDisable. OomKillDisable discarded.", {
      oomKillDisable: false,
    });
  }
  if (resources.oomKillDisable && resources.memory === 0) {
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  }
  if ((resources.pids ?? -1) > 0 && !host.pids) {
    drop(missing("PIDs limit capabilities", "PIDs limit discarded."), { pids: -1 });
  }
  return resources;
}

function acceptProcessor(
  asked: ResourceLimits,
  host: HostAbilities,
  warnings: string[],
): ResourceLimits {
  let resources = asked;
  const drop = (message: string, change: Partial<ResourceLimits>): void => {
    warnings.push(message);
    resources = { ...resources, ...change };
  };
  if (resources.nanoCpus > 0 && !host.quota) {
    throw refused(
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    );
  }
  if (resources.cpuShares > 0 && !host.shares)
    drop(missing("CPU shares", "Shares discarded."), { cpuShares: 0 });
  if ((resources.cpuPeriod !== 0 || resources.cpuQuota !== 0) && !host.quota) {
    drop("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.", {
      cpuPeriod: 0,
      cpuQuota: 0,
    });
  }
  const { cpuRealtimePeriod = 0, cpuRealtimeRuntime = 0 } = resources;
  if ((cpuRealtimePeriod !== 0 || cpuRealtimeRuntime !== 0) && !host.realtime) {
    drop(missing("CPU real-time scheduler", "CPU real-time period/runtime discarded."), {
      cpuRealtimePeriod: 0,
      cpuRealtimeRuntime: 0,
    });
  }
  const { cpusetCpus, cpusetMems } = resources;
  if ((cpusetCpus !== "" || cpusetMems !== "") && !host.cpuset) {
    drop(missing("cpuset", "Cpuset discarded."), { cpusetCpus: "", cpusetMems: "" });
    return resources;
  }
  checkAvailable("CPUs", cpusetCpus, host.cpus);
  checkAvailable("memory nodes", cpusetMems, host.memoryNodes);
  return resources;
}

const rates = {
  readBytes: "BPS Block I/O read limit|Block I/O BPS read limit",
  writeBytes: "BPS Block I/O write limit|Block I/O BPS write limit",
  readOperations: "IOPS Block read limit|Block I/O IOPS read limit",
  writeOperations: "IOPS Block write limit|Block I/O IOPS write limit",
} as const;

function acceptBlockIo(
  asked: ResourceLimits,
  host: HostAbilities,
  warnings: string[],
): ResourceLimits {
  const weight = asked.blkioWeight > 0 && !host.blockWeight ? 0 : asked.blkioWeight;
  if (weight !== asked.blkioWeight) warnings.push(missing("Block I/O weight", "Weight discarded."));
  if (weight !== 0 && (weight < 10 || weight > 1000)) {
    throw refused("Range of blkio weight is from 10 to 1000");
  }
  const devices = asked.blockDevices ?? [];
  const has = (kind: BlockDeviceLimit["kind"]): boolean => devices.some((one) => one.kind === kind);
  if (has("weight") && !host.blockDeviceWeight) {
    warnings.push(missing("Block I/O weight_device", "Weight-device discarded."));
  }
  for (const [kind, words] of Object.entries(rates)) {
    if (host.blockRates || !has(kind as keyof typeof rates)) continue;
    const [ability = "", limit = ""] = words.split("|");
    warnings.push(missing(ability, `${limit} discarded.`));
  }
  const kept = devices.filter(({ kind }) =>
    kind === "weight" ? host.blockDeviceWeight : host.blockRates,
  );
  return { ...asked, blkioWeight: weight, blockDevices: kept };
}

function missing(ability: string, consequence: string): string {
  return `Your kernel does not support ${ability} or the cgroup is not mounted. ${consequence}`;
}

function refused(message: string): DuetError {
  return new DuetError("invalid", "RESOURCE_LIMIT", message);
}
