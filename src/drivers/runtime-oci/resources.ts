import type { ResourceLimits } from "../../domain/limits.ts";
import type { OciBlockIo, OciDeviceRule, OciResources } from "./oci-spec.ts";

const defaultPids = 4096;
const defaultPeriod = 100_000;

/** Limits in the form that the cgroup is given, with Docker's rules for what follows from what. */
export interface ResolvedLimits {
  /** Bytes; undefined where it is not limited. */
  readonly memory: number | undefined;
  readonly reservation: number | undefined;
  /** Memory and swap together; -1 unlimited. */
  readonly memoryAndSwap: number | undefined;
  readonly swappiness: number | undefined;
  readonly oomKillDisable: boolean;
  readonly shares: number | undefined;
  readonly quota: number | undefined;
  readonly period: number | undefined;
  readonly realtimePeriod: number | undefined;
  readonly realtimeRuntime: number | undefined;
  readonly cpus: string | undefined;
  readonly mems: string | undefined;
  /** -1 unlimited. */
  readonly pids: number;
  readonly blkioWeight: number | undefined;
}

export function resolveLimits(limits: ResourceLimits): ResolvedLimits {
  const memory = positive(limits.memory);
  const quotaOfCpus =
    limits.nanoCpus > 0 ? Math.round((limits.nanoCpus * defaultPeriod) / 1e9) : undefined;
  return {
    memory,
    reservation: positive(limits.memoryReservation),
    memoryAndSwap:
      limits.memorySwap !== 0 ? limits.memorySwap : memory === undefined ? undefined : memory * 2,
    swappiness:
      limits.memorySwappiness === null || limits.memorySwappiness < 0
        ? undefined
        : limits.memorySwappiness,
    oomKillDisable: limits.oomKillDisable,
    shares: positive(limits.cpuShares),
    quota: quotaOfCpus ?? (limits.cpuQuota === 0 ? undefined : limits.cpuQuota),
    period: quotaOfCpus === undefined ? positive(limits.cpuPeriod) : defaultPeriod,
    realtimePeriod: positive(limits.cpuRealtimePeriod ?? 0),
    realtimeRuntime: positive(limits.cpuRealtimeRuntime ?? 0),
    cpus: limits.cpusetCpus === "" ? undefined : limits.cpusetCpus,
    mems: limits.cpusetMems === "" ? undefined : limits.cpusetMems,
    pids: limits.pids === null ? defaultPids : limits.pids <= 0 ? -1 : limits.pids,
    blkioWeight: positive(limits.blkioWeight),
  };
}

function positive(value: number): number | undefined {
  return value > 0 ? value : undefined;
}

/** What only version 1 of cgroups can do is left out for version 2, where crun refuses it. */
export function ociResources(
  limits: ResolvedLimits,
  devices: { readonly rules: readonly OciDeviceRule[]; readonly blockIo: OciBlockIo },
  cgroupVersion: 1 | 2,
): OciResources {
  const first = cgroupVersion === 1;
  const memory = defined({
    limit: limits.memory,
    reservation: limits.reservation,
    swap: limits.memoryAndSwap,
    swappiness: first ? limits.swappiness : undefined,
    disableOOMKiller: first && limits.oomKillDisable ? true : undefined,
  });
  const cpu = defined({
    shares: limits.shares,
    quota: limits.quota,
    period: limits.period,
    realtimePeriod: first ? limits.realtimePeriod : undefined,
    realtimeRuntime: first ? limits.realtimeRuntime : undefined,
    cpus: limits.cpus,
    mems: limits.mems,
  });
  const blockIO = { ...defined({ weight: limits.blkioWeight }), ...devices.blockIo };
  return {
    devices: devices.rules,
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    pids: { limit: limits.pids },
    ...(Object.keys(blockIO).length > 0 ? { blockIO } : {}),
  };
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
