import { availableParallelism, totalmem } from "node:os";
import type { ContainerSpec } from "../../domain/container.ts";
import type { ResourceLimits } from "../../domain/limits.ts";
import { DuetError } from "../../kit/errors.ts";

const minimumMemory = 6 << 20;

/**
 * Refuses limits that Docker refuses, with its words (moby, daemon/daemon_unix.go); gives warnings for
 * what will not work as asked. What depends on this host's cgroups is the runtime's to judge.
 */
export function checkResources(
  spec: Pick<ContainerSpec, "resources" | "lifecycle" | "isolation">,
): readonly string[] {
  const { resources } = spec;
  checkMemory(resources);
  checkProcessor(resources);
  if (resources.oomScoreAdjust < -1000 || resources.oomScoreAdjust > 1000) {
    refuse(`Invalid value ${resources.oomScoreAdjust}, range for oom score adj is [-1000, 1000]`);
  }
  if (resources.shmSize < 0) refuse("SHM size can not be less than 0");
  if (spec.lifecycle.autoRemove && spec.lifecycle.restart.name !== "no") {
    refuse("can't create 'AutoRemove' container with restart policy");
  }
  const isTooBig = spec.isolation === "vm" && resources.memory > totalmem();
  return isTooBig ? ["The memory limit is above this host's memory."] : [];
}

function checkMemory(resources: ResourceLimits): void {
  const { memory, memorySwap, memoryReservation } = resources;
  if (memory !== 0 && memory < minimumMemory) refuse("Minimum memory limit allowed is 6MB");
  if (memory > 0 && memorySwap > 0 && memorySwap < memory) {
    refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (memory === 0 && memorySwap > 0) {
    refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (memoryReservation > 0 && memoryReservation < minimumMemory) {
    refuse("Minimum memory reservation allowed is 6MB");
  }
  if (memory > 0 && memoryReservation > 0 && memory < memoryReservation) {
    refuse("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
}

function checkProcessor(resources: ResourceLimits): void {
  const { cpuPeriod, cpuQuota, nanoCpus } = resources;
  if (nanoCpus > 0 && cpuPeriod > 0) {
    refuse("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (nanoCpus > 0 && cpuQuota > 0) {
    refuse("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  }
  if (nanoCpus < 0 || nanoCpus > availableParallelism() * 1e9) {
    const cpus = availableParallelism();
    refuse(`range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (cpuPeriod !== 0 && (cpuPeriod < 1_000 || cpuPeriod > 1_000_000)) {
    refuse("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  }
  if (cpuQuota > 0 && cpuQuota < 1_000) {
    refuse("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  }
  const { cpuRealtimePeriod = 0, cpuRealtimeRuntime = 0 } = resources;
  if (cpuRealtimePeriod !== 0 && cpuRealtimeRuntime > cpuRealtimePeriod) {
    refuse("cpu real-time runtime cannot be higher than cpu real-time period");
  }
}

function refuse(message: string): never {
  throw new DuetError("invalid", "RESOURCE_LIMIT", message);
}
