import type { ContainerRecord, ResolvedProcess } from "../../domain/container.ts";
import type { HealthResult, HealthState } from "../../domain/health.ts";

const nanosecondsPerMillisecond = 1_000_000;
const keptResults = 5;

/** How a container is checked; times in milliseconds. */
export interface HealthPlan {
  readonly argv: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

/** Docker's defaults for what is 0. Undefined where nothing is to be checked: no test, or `NONE`. */
export function healthPlan({
  healthcheck,
  shell,
}: Pick<ResolvedProcess, "healthcheck" | "shell">): HealthPlan | undefined {
  const [kind, ...words] = healthcheck?.test ?? [];
  if (healthcheck === null || words.length === 0) return undefined;
  if (kind !== "CMD" && kind !== "CMD-SHELL") return undefined;
  const milliseconds = (nanoseconds: number, otherwise: number): number =>
    nanoseconds > 0 ? nanoseconds / nanosecondsPerMillisecond : otherwise;
  return {
    argv: kind === "CMD" ? words : [...(shell ?? ["/bin/sh", "-c"]), ...words],
    interval: milliseconds(healthcheck.interval, 30_000),
    timeout: milliseconds(healthcheck.timeout, 30_000),
    startPeriod: milliseconds(healthcheck.startPeriod, 0),
    startInterval: milliseconds(healthcheck.startInterval, 5_000),
    retries: healthcheck.retries > 0 ? healthcheck.retries : 3,
  };
}

/** Pause before the next check. */
export function nextDelay(
  plan: HealthPlan,
  state: HealthState,
  startedAt: number,
  now: number,
): number {
  const isEarly = now - startedAt < plan.startPeriod && state.status === "starting";
  return isEarly ? plan.startInterval : plan.interval;
}

/** What a result makes of the state. Failures within the start period do not count until one check passed. */
export function withResult(
  plan: HealthPlan,
  state: HealthState,
  result: HealthResult,
  startedAt: number,
): HealthState {
  const log = [...state.log, result].slice(-keptResults);
  if (result.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  if (state.status === "starting" && result.start - startedAt < plan.startPeriod) {
    return { ...state, log };
  }
  const failingStreak = state.failingStreak + 1;
  return {
    status: failingStreak >= plan.retries ? "unhealthy" : state.status,
    failingStreak,
    log,
  };
}

/** The state at the start of a run: earlier results stay in the log. */
export function healthAtStart(record: ContainerRecord): HealthState | undefined {
  if (healthPlan(record.resolved) === undefined) return undefined;
  return { status: "starting", failingStreak: 0, log: record.health?.log ?? [] };
}
