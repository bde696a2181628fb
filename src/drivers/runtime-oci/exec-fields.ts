import type { ProcessSpec } from "../../domain/process.ts";
import type { UserLookup } from "../../domain/rootfs.ts";
import type { WorkloadSpec } from "../../domain/runtime.ts";
import type { Field } from "../../domain/shim.ts";
import { fieldTag } from "../../spec/workload.ts";
import type { HostAbilities } from "./abilities.ts";
import { capabilityMask } from "./capabilities.ts";
import { processEnvironment } from "./config.ts";
import { resolveUlimits } from "./ulimits.ts";

/** Numbers by OCI name on x86-64 and arm64 (asm-generic/resource.h). */
const resourceNumbers = new Map(
  "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME"
    .split(" ")
    .map((name, number): [string, number] => [`RLIMIT_${name}`, number]),
);

/** What the shim's own way into a container needs to know besides the process. */
export interface ExecFacts {
  readonly user: UserLookup;
  readonly bounding: readonly string[];
  readonly host: HostAbilities;
  /** Paths of cgroup.procs files. */
  readonly cgroups: readonly string[];
  /** Empty where system calls are not filtered. */
  readonly filter: Uint8Array;
}

/**
 * EXEC of a process that the shim makes itself. undefined where only the OCI runtime can: under an AppArmor
 * profile.
 */
export function execFields(
  spec: Pick<WorkloadSpec, "security" | "resources">,
  process: ProcessSpec,
  facts: ExecFacts,
): readonly Field[] | undefined {
  const { security, resources } = spec;
  const confined = security.apparmor !== "" && security.apparmor !== "unconfined";
  if (confined) return undefined;
  return [
    ...process.argv.map((word): Field => [fieldTag.argument, word]),
    ...processEnvironment(process, facts.user).map((entry): Field => [fieldTag.environment, entry]),
    [fieldTag.directory, process.workingDirectory],
    [fieldTag.uid, facts.user.uid],
    [fieldTag.gid, facts.user.gid],
    ...facts.user.groups.map((group): Field => [fieldTag.group, String(group)]),
    [fieldTag.capabilities, capabilityMask(facts.bounding)],
    [fieldTag.noNewPrivileges, security.noNewPrivileges ? 1 : 0],
    [fieldTag.oomScore, 1000 + Math.max(resources.oomScoreAdjust, facts.host.lowestOomScore)],
    ...resolveUlimits(resources, facts.host.ceilings).map(limitField),
    ...facts.cgroups.map((path): Field => [fieldTag.cgroup, path]),
    ...(facts.filter.length === 0 ? [] : [[fieldTag.filter, facts.filter] as const]),
  ];
}

function limitField(limit: { type: string; soft: number; hard: number }): Field {
  return [
    fieldTag.limit,
    [
      [fieldTag.number, resourceNumbers.get(limit.type) ?? -1],
      [fieldTag.soft, unlimited(limit.soft)],
      [fieldTag.hard, unlimited(limit.hard)],
    ],
  ];
}

/** The largest safe number stands for RLIM_INFINITY in the OCI configuration; see ulimits.ts. */
function unlimited(value: number): bigint {
  return value >= Number.MAX_SAFE_INTEGER ? 0xffff_ffff_ffff_ffffn : BigInt(value);
}
