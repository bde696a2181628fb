import { availableParallelism, totalmem } from "node:os";
import type { ContainerSpec } from "../../domain/container.ts";
import { DuetError } from "../../kit/errors.ts";

const minimumMemory = 6 << 20;

/** Refuses limits that Docker refuses, with its words; gives warnings for what will not work as asked. */
export function checkResources(spec: ContainerSpec): readonly string[] {
  const { resources } = spec;
  const refuse = (message: string): never => {
    throw new DuetError("invalid", "RESOURCE_LIMIT", message);
  };
  if (resources.memory < 0) refuse("memory limit cannot be negative");
  if (resources.memory > 0 && resources.memory < minimumMemory)
    refuse("Minimum memory limit allowed is 6MB");
  if (resources.memorySwap > 0 && resources.memory === 0) {
    refuse("You should always set the Memory limit when using Memoryswap limit, see usage");
  }
  if (resources.memorySwap > 0 && resources.memorySwap < resources.memory) {
    refuse("Minimum memoryswap limit should be larger than memory limit, see usage");
  }
  if (
    resources.memoryReservation > 0 &&
    resources.memory > 0 &&
    resources.memory < resources.memoryReservation
  ) {
    refuse("Minimum memory limit can not be less than memory reservation limit, see usage");
  }
  if (resources.nanoCpus < 0 || resources.nanoCpus > availableParallelism() * 1e9) {
    const cpus = availableParallelism();
    refuse(`range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (resources.nanoCpus > 0 && (resources.cpuQuota !== 0 || resources.cpuPeriod !== 0)) {
    refuse("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  }
  if (resources.oomScoreAdjust < -1000 || resources.oomScoreAdjust > 1000) {
    refuse(`Invalid value ${resources.oomScoreAdjust}, range for oom score adj is [-1000, 1000]`);
  }
  if (resources.shmSize < 0) refuse("SHM size can not be less than 0");
  if (spec.lifecycle.autoRemove && spec.lifecycle.restart.name !== "no") {
    refuse("can't create 'AutoRemove' container with restart policy");
  }
  return resources.memory > totalmem() ? ["The memory limit is above this host's memory."] : [];
}
