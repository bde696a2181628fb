import { ulimitNames, type ResourceLimits, type Ulimit } from "../../domain/limits.ts";
import { DuetError } from "../../kit/errors.ts";
import type { LimitCeilings } from "./abilities.ts";
import type { OciProcess } from "./oci-spec.ts";

const defaultNofile: Ulimit = { name: "nofile", soft: 1024, hard: 524_288 };

/**
 * The user's limits, and one for open files, none over what this host can give; of two of one name the
 * last counts. Throws `invalid` ULIMIT_INVALID on unknown names and on a soft limit over the hard one.
 */
export function resolveUlimits(
  limits: Pick<ResourceLimits, "ulimits">,
  ceilings: LimitCeilings,
): OciProcess["rlimits"] {
  const byName = new Map<string, Ulimit>([["nofile", defaultNofile]]);
  for (const limit of limits.ulimits) {
    check(limit);
    byName.set(limit.name, limit);
  }
  return [...byName.values()].map((limit) => {
    const ceiling = ceilings[limit.name] ?? Number.MAX_SAFE_INTEGER;
    return {
      type: `RLIMIT_${limit.name.toUpperCase()}`,
      soft: Math.min(unlimited(limit.soft), ceiling),
      hard: Math.min(unlimited(limit.hard), ceiling),
    };
  });
}

/** A warning for each of the user's limits that this host cannot give whole. */
export function clippedUlimits(
  limits: Pick<ResourceLimits, "ulimits">,
  ceilings: LimitCeilings,
): readonly string[] {
  return limits.ulimits.flatMap(({ name, hard }) => {
    const ceiling = ceilings[name];
    if (ceiling === undefined || unlimited(hard) <= ceiling) return [];
    const asked = hard < 0 ? "unlimited" : `${hard}`;
    return `This host cannot raise the hard limit of ${name} over ${ceiling}. Ulimit ${name}=${asked} lowered to it.`;
  });
}

function check({ name, soft, hard }: Ulimit): void {
  if (!ulimitNames.has(name)) throw invalid(name, "there is no such limit");
  if (unlimited(soft) > unlimited(hard)) throw invalid(name, "the soft limit is over the hard one");
}

/** RLIM_INFINITY itself, 2⁶⁴ − 1, is no safe number in JSON: the largest that is stands for it. */
function unlimited(value: number): number {
  return value < 0 ? Number.MAX_SAFE_INTEGER : value;
}

function invalid(name: string, why: string): DuetError {
  return new DuetError(
    "invalid",
    "ULIMIT_INVALID",
    `cannot set the limit ${JSON.stringify(name)}: ${why}`,
  );
}
