import { checkAvailable } from "../../domain/cpuset.ts";
import type { BlockDeviceLimit, ResourceLimits } from "../../domain/limits.ts";
import type { Acceptance } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import type { HostAbilities } from "./abilities.ts";
import { clippedUlimits, resolveUlimits } from "./ulimits.ts";

/** Limits as they are after those that the host has no means for were dropped, each with a warning. */
class Kept {
  resources: ResourceLimits;
  readonly warnings: string[] = [];

  constructor(asked: ResourceLimits) {
    this.resources = asked;
  }

  drop(message: string, change: Partial<ResourceLimits>): void {
    this.warnings.push(message);
    this.resources = { ...this.resources, ...change };
  }
}

/** Drops the limits that this host has no means for, with Docker's warnings; refuses what it refuses. */
export function acceptLimits(asked: ResourceLimits, host: HostAbilities): Acceptance {
  const kept = new Kept(asked);
  acceptMemory(kept, host);
  acceptProcessor(kept, host);
  acceptBlockIo(kept, host);
  const { resources, warnings } = kept;
  resolveUlimits(resources, host.ceilings);
  warnings.push(...clippedUlimits(resources, host.ceilings));
  if (resources.oomScoreAdjust < host.lowestOomScore) {
    warnings.push(
      `This host cannot lower the OOM score below ${host.lowestOomScore} (CAP_SYS_RESOURCE is missing). OOM score ${resources.oomScoreAdjust} raised to it.`,
    );
  }
  return { resources, warnings };
}

function acceptMemory(kept: Kept, host: HostAbilities): void {
  if (kept.resources.memory > 0 && !host.memory) {
    kept.drop(missing("memory limit capabilities", "Limitation discarded."), {
      memory: 0,
      memorySwap: -1,
    });
  }
  if (kept.resources.memory > 0 && kept.resources.memorySwap !== -1 && !host.swap) {
    kept.drop(missing("swap limit capabilities", "Memory limited without swap."), {
      memorySwap: -1,
    });
  }
  if (kept.resources.memorySwappiness !== null && !host.swappiness) {
    kept.drop(missing("memory swappiness capabilities", "Memory swappiness discarded."), {
      memorySwappiness: null,
    });
  }
  if (kept.resources.memoryReservation > 0 && !host.reservation) {
    kept.drop(missing("memory soft limit capabilities", "Limitation discarded."), {
      memoryReservation: 0,
    });
  }
  if (kept.resources.oomKillDisable && !host.oomKillDisable) {
    kept.drop("Your kernel does not support OomKillDisable. OomKillDisable discarded.", {
      oomKillDisable: false,
    });
  }
  if (kept.resources.oomKillDisable && kept.resources.memory === 0) {
    kept.warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  }
  if ((kept.resources.pids ?? -1) > 0 && !host.pids) {
    kept.drop(missing("PIDs limit capabilities", "PIDs limit discarded."), { pids: -1 });
  }
}

function acceptProcessor(kept: Kept, host: HostAbilities): void {
  if (kept.resources.nanoCpus > 0 && !host.quota) {
    throw refused(
      "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    );
  }
  if (kept.resources.cpuShares > 0 && !host.shares)
    kept.drop(missing("CPU shares", "Shares discarded."), { cpuShares: 0 });
  if ((kept.resources.cpuPeriod !== 0 || kept.resources.cpuQuota !== 0) && !host.quota) {
    kept.drop("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.", {
      cpuPeriod: 0,
      cpuQuota: 0,
    });
  }
  const { cpuRealtimePeriod = 0, cpuRealtimeRuntime = 0 } = kept.resources;
  if ((cpuRealtimePeriod !== 0 || cpuRealtimeRuntime !== 0) && !host.realtime) {
    kept.drop(missing("CPU real-time scheduler", "CPU real-time period/runtime discarded."), {
      cpuRealtimePeriod: 0,
      cpuRealtimeRuntime: 0,
    });
  }
  const { cpusetCpus, cpusetMems } = kept.resources;
  if ((cpusetCpus !== "" || cpusetMems !== "") && !host.cpuset) {
    kept.drop(missing("cpuset", "Cpuset discarded."), { cpusetCpus: "", cpusetMems: "" });
    return;
  }
  checkAvailable("CPUs", cpusetCpus, host.cpus);
  checkAvailable("memory nodes", cpusetMems, host.memoryNodes);
}

const rates = {
  readBytes: "BPS Block I/O read limit|Block I/O BPS read limit",
  writeBytes: "BPS Block I/O write limit|Block I/O BPS write limit",
  readOperations: "IOPS Block read limit|Block I/O IOPS read limit",
  writeOperations: "IOPS Block write limit|Block I/O IOPS write limit",
} as const;

function acceptBlockIo(kept: Kept, host: HostAbilities): void {
  if (kept.resources.blkioWeight > 0 && !host.blockWeight)
    kept.drop(missing("Block I/O weight", "Weight discarded."), { blkioWeight: 0 });
  const { blkioWeight: weight } = kept.resources;
  if (weight !== 0 && (weight < 10 || weight > 1000)) {
    throw refused("Range of blkio weight is from 10 to 1000");
  }
  const devices = kept.resources.blockDevices ?? [];
  const has = (kind: BlockDeviceLimit["kind"]): boolean => devices.some((one) => one.kind === kind);
  if (has("weight") && !host.blockDeviceWeight) {
    kept.warnings.push(missing("Block I/O weight_device", "Weight-device discarded."));
  }
  for (const [kind, words] of Object.entries(rates)) {
    if (host.blockRates || !has(kind as keyof typeof rates)) continue;
    const [ability = "", limit = ""] = words.split("|");
    kept.warnings.push(missing(ability, `${limit} discarded.`));
  }
  const blockDevices = devices.filter(({ kind }) =>
    kind === "weight" ? host.blockDeviceWeight : host.blockRates,
  );
  kept.resources = { ...kept.resources, blockDevices };
}

function missing(ability: string, consequence: string): string {
  return `Your kernel does not support ${ability} or the cgroup is not mounted. ${consequence}`;
}

function refused(message: string): DuetError {
  return new DuetError("invalid", "RESOURCE_LIMIT", message);
}
