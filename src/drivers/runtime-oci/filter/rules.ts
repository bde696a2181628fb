import type { OciSeccomp, SeccompArgument } from "../oci-spec.ts";
import type { FilterArchitecture } from "./syscall-numbers.ts";

/** SECCOMP_RET_* of linux/seccomp.h; a verdict is one of them, with an errno where it has one. */
export const verdicts = {
  killThread: 0,
  killProcess: 0x80000000,
  trap: 0x00030000,
  errno: 0x00050000,
  log: 0x7ffc0000,
  allow: 0x7fff0000,
} as const;

const EPERM = 1;
const ENOSYS = 38;

/** Conditions that all have to hold. */
export type Conditions = readonly SeccompArgument[];

/** What happens to one system call: `verdict` where any of `when` holds, or always where there is none. */
export interface Decision {
  readonly verdict: number;
  readonly when: readonly Conditions[];
}

/** What happens to the system calls from `first` on, up to the next segment. */
export interface Segment {
  readonly first: number;
  readonly decision: Decision;
}

/** undefined for what cannot be said without a supervisor or a tracer. */
export function verdictOf(action: string, errno: number | undefined): number | undefined {
  switch (action) {
    case "SCMP_ACT_KILL":
    case "SCMP_ACT_KILL_THREAD":
      return verdicts.killThread;
    case "SCMP_ACT_KILL_PROCESS":
      return verdicts.killProcess;
    case "SCMP_ACT_TRAP":
      return verdicts.trap;
    case "SCMP_ACT_ERRNO":
      return verdicts.errno | ((errno ?? EPERM) & 0xffff);
    case "SCMP_ACT_LOG":
      return verdicts.log;
    case "SCMP_ACT_ALLOW":
      return verdicts.allow;
    default:
      return undefined;
  }
}

/**
 * The decisions of a profile by system call. undefined where rules contradict each other or ask for more than
 * a plain filter: what then holds is the OCI runtime's to say.
 */
export function decisionsOf(seccomp: OciSeccomp): ReadonlyMap<string, Decision> | undefined {
  const decisions = new Map<string, Decision>();
  const otherwise = verdictOf(seccomp.defaultAction, seccomp.defaultErrnoRet);
  for (const rule of seccomp.syscalls) {
    const verdict = verdictOf(rule.action, rule.errnoRet);
    if (verdict === undefined) return undefined;
    if (verdict === otherwise) continue;
    const when = alternatives(rule.args ?? []);
    if (!when.flat().every((condition) => operators.has(condition.op))) return undefined;
    for (const name of rule.names) {
      const earlier = decisions.get(name);
      if (earlier !== undefined && earlier.verdict !== verdict) return undefined;
      decisions.set(name, { verdict, when: joined(earlier, when) });
    }
  }
  return decisions;
}

const operators = new Set(
  ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"].map((name) => `SCMP_CMP_${name}`),
);

/** As runc does: several conditions on one argument are alternatives, on different ones they all hold. */
function alternatives(conditions: Conditions): readonly Conditions[] {
  if (conditions.length === 0) return [];
  const indexes = new Set(conditions.map(({ index }) => index));
  return indexes.size === conditions.length
    ? [conditions]
    : conditions.map((condition) => [condition]);
}

/** Always, once one of both is. */
function joined(earlier: Decision | undefined, when: readonly Conditions[]): readonly Conditions[] {
  if (earlier === undefined) return when;
  return earlier.when.length === 0 || when.length === 0 ? [] : [...earlier.when, ...when];
}

/**
 * The number line of one architecture. A call that is newer than the newest the profile names does not exist
 * for it (ENOSYS), so that libraries fall back to an older one: runc's rule.
 */
export function segmentsOf(
  architecture: FilterArchitecture,
  decisions: ReadonlyMap<string, Decision>,
  otherwise: number,
): readonly Segment[] {
  const entries = [...decisions]
    .flatMap(([name, decision]) => {
      const number = architecture.numbers.get(name);
      return number === undefined ? [] : [{ number, decision }];
    })
    .toSorted((one, other) => one.number - other.number);
  const segments: Segment[] = [];
  const add = (number: number, decision: Decision): void => {
    const last = segments.at(-1)?.decision;
    const same =
      last?.verdict === decision.verdict && last.when.length + decision.when.length === 0;
    if (!same) segments.push({ first: number + architecture.offset, decision });
  };
  let next = 0;
  for (const { number, decision } of entries) {
    if (number > next) add(next, { verdict: otherwise, when: [] });
    add(number, decision);
    next = number + 1;
  }
  const permissive = otherwise === verdicts.allow || otherwise === verdicts.log;
  add(next, { verdict: permissive ? otherwise : verdicts.errno | ENOSYS, when: [] });
  return segments;
}
