import type { LimitAbilities } from "../../domain/runtime.ts";

/** What Docker's `info` warns of on a host that lacks means for limits (moby, daemon/info_unix.go). */
export function limitWarnings(
  abilities: LimitAbilities | undefined,
  cgroupVersion: "1" | "2",
): readonly string[] {
  if (abilities === undefined) return [];
  const first = cgroupVersion === "1";
  const rate = (name: string, short: string): string =>
    first ? `blkio throttle.${name}_device` : `io.max (${short})`;
  const lacks: readonly (readonly [has: boolean, what: string])[] = [
    [abilities.memory, "memory limit"],
    [abilities.swap, "swap limit"],
    [abilities.oomKillDisable || !first, "oom kill disable"],
    [abilities.quota, "cpu cfs quota"],
    [abilities.quota, "cpu cfs period"],
    [abilities.shares, "cpu shares"],
    [abilities.cpuset, "cpuset"],
    [abilities.blockWeight || first, "io.weight"],
    [abilities.blockDeviceWeight || first, "io.weight (per device)"],
    [abilities.blockRates, rate("read_bps", "rbps")],
    [abilities.blockRates, rate("write_bps", "wbps")],
    [abilities.blockRates, rate("read_iops", "riops")],
    [abilities.blockRates, rate("write_iops", "wiops")],
  ];
  return lacks.filter(([has]) => !has).map(([, what]) => `WARNING: No ${what} support`);
}
