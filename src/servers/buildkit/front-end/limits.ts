import type { ResourceLimits } from "../../../domain/limits.ts";

/** A step's limits where the client names none. */
export const defaultLimits: ResourceLimits = {
  memory: 0,
  memorySwap: 0,
  memoryReservation: 0,
  memorySwappiness: null,
  nanoCpus: 0,
  cpuShares: 0,
  cpuPeriod: 0,
  cpuQuota: 0,
  cpusetCpus: "",
  cpusetMems: "",
  pids: null,
  blkioWeight: 0,
  oomScoreAdjust: 0,
  oomKillDisable: false,
  ulimits: [],
  shmSize: 0,
  cgroupParent: "",
};
