/** What a container's checks have said so far; Docker's State.Health. */
export interface HealthState {
  readonly status: HealthStatus;
  /** Failed checks in a row that count. */
  readonly failingStreak: number;
  /** The last five results, oldest first. */
  readonly log: readonly HealthResult[];
}

export type HealthStatus = "starting" | "healthy" | "unhealthy";

export interface HealthResult {
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
  /** 0 is healthy; -1 where the check could not run or took too long. */
  readonly exitCode: number;
  readonly output: string;
}

export const initialHealth: HealthState = { status: "starting", failingStreak: 0, log: [] };
