import type { ContainerRecord } from "../../../domain/container.ts";
import type { HealthState } from "../../../domain/health.ts";
import type { ContainerStateBody, HealthBody } from "../../../spec/docker/container.ts";
import { humanDuration } from "../../../kit/go-duration.ts";
import { timeText } from "../time.ts";

/** The word that Docker has for the state: "starting" is still what it was before, and what never ran is created. */
export function stateWord(record: ContainerRecord): string {
  if (record.state !== "starting" && record.state !== "exited") return record.state;
  if (isBetweenRuns(record)) return "restarting";
  return record.startedAt === 0 && record.finishedAt === 0 ? "created" : "exited";
}

/** A paused or restarting container counts as running, as in Docker. */
export function isRunning(record: ContainerRecord): boolean {
  return ["running", "paused", "restarting"].includes(record.state) || isBetweenRuns(record);
}

/** Being started again by its restart policy. */
function isBetweenRuns(record: ContainerRecord): boolean {
  return record.state === "starting" && record.restartCount > 0;
}

/** The text in the STATUS column. */
export function statusText(record: ContainerRecord, now: number): string {
  const up = humanDuration(now - record.startedAt);
  const ended = `(${record.exitCode}) ${humanDuration(now - record.finishedAt)} ago`;
  switch (stateWord(record)) {
    case "running":
      return `Up ${up}${record.health === undefined ? "" : ` (${healthText(record.health)})`}`;
    case "paused":
      return `Up ${up} (Paused)`;
    case "restarting":
      return `Restarting ${ended}`;
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    case "created":
      return "Created";
    default:
      return `Exited ${ended}`;
  }
}

export function encodeState(record: ContainerRecord): ContainerStateBody {
  return {
    Status: stateWord(record),
    Running: isRunning(record),
    Paused: record.state === "paused",
    Restarting: record.state === "restarting" || isBetweenRuns(record),
    OOMKilled: record.outOfMemory,
    Dead: record.state === "dead",
    Pid: record.pid,
    ExitCode: record.exitCode,
    Error: record.error,
    StartedAt: timeText(record.startedAt),
    FinishedAt: timeText(record.finishedAt),
    ...(record.health === undefined ? {} : { Health: encodeHealth(record.health) }),
  };
}

function healthText({ status }: HealthState): string {
  return status === "starting" ? "health: starting" : status;
}

function encodeHealth(health: HealthState): HealthBody {
  return {
    Status: health.status,
    FailingStreak: health.failingStreak,
    Log: health.log.map((result) => ({
      Start: timeText(result.start),
      End: timeText(result.end),
      ExitCode: result.exitCode,
      Output: result.output,
    })),
  };
}
