import type { ResourceLimits } from "../../domain/limits.ts";
import { DuetError } from "../../kit/errors.ts";
import type { OciDeviceRule, OciProcess, OciResources } from "./oci-spec.ts";

const defaultPids = 4096;
const defaultPeriod = 100_000;
const defaultNofile = { soft: 1024, hard: 524_288 };
const rlimitNames = new Set(
  "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  ),
);

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
  devices: readonly OciDeviceRule[],
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
    cpus: limits.cpus,
    mems: limits.mems,
  });
  return {
    devices,
    ...(Object.keys(memory).length > 0 ? { memory } : {}),
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    pids: { limit: limits.pids },
    ...(limits.blkioWeight === undefined ? {} : { blockIO: { weight: limits.blkioWeight } }),
  };
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function defined<T extends object>(values: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}

/**
 * The user's limits, and one for open files. `openFiles` is the hard limit of this host, over which the
 * default may not go. Throws `invalid` ULIMIT_INVALID on unknown names and on a soft limit over the hard one.
 */
export function ociRlimits(limits: ResourceLimits, openFiles: number): OciProcess["rlimits"] {
  const own = limits.ulimits.map((limit) => {
    if (!rlimitNames.has(limit.name)) throw invalidUlimit(limit.name, "there is no such limit");
    const soft = unlimited(limit.soft);
    const hard = unlimited(limit.hard);
    if (soft > hard) throw invalidUlimit(limit.name, "the soft limit is over the hard one");
    return { type: `RLIMIT_${limit.name.toUpperCase()}`, soft, hard };
  });
  if (own.some((limit) => limit.type === "RLIMIT_NOFILE")) return own;
  const soft = Math.min(defaultNofile.soft, openFiles);
  return [{ type: "RLIMIT_NOFILE", soft, hard: Math.min(defaultNofile.hard, openFiles) }, ...own];
}

/** RLIM_INFINITY itself, 2⁶⁴ − 1, is no safe number in JSON: the largest that is stands for it. */
function unlimited(value: number): number {
  return value < 0 ? Number.MAX_SAFE_INTEGER : value;
}

function invalidUlimit(name: string, why: string): DuetError {
  return new DuetError(
    "invalid",
    "ULIMIT_INVALID",
    `cannot set the limit ${JSON.stringify(name)}: ${why}`,
  );
}
