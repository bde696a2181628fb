import type { ContainerRecord } from "../../domain/container.ts";
import type { ExitRecord } from "../../domain/process.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerUseCases } from "../engine.ts";
import { findContainer } from "./find.ts";

/** See ContainerUseCases.wait. */
export async function waitContainer(
  context: EngineContext,
  reference: string,
  condition: Parameters<ContainerUseCases["wait"]>[1],
  ready: () => void,
  signal: AbortSignal,
): Promise<ExitRecord> {
  /* Clients such as dockerode wait after the output's end, when `--rm` may have removed it. */
  const departure = condition === "next-exit" ? undefined : context.live.departure(reference);
  if (departure !== undefined && context.store.containers.get(reference) === undefined) {
    ready();
    return departure;
  }
  const record = findContainer(context, reference);
  if (condition === "not-running" && !isRunning(record)) {
    ready();
    return {
      code: record.exitCode,
      outOfMemory: record.outOfMemory,
      exitedAt: record.finishedAt,
      ...(record.error === "" ? {} : { error: record.error }),
    };
  }
  const waiting = context.live.waitFor(
    record.id,
    condition === "removed" ? "removed" : "exit",
    signal,
  );
  ready();
  return await waiting;
}

function isRunning(record: ContainerRecord): boolean {
  return ["starting", "running", "paused", "restarting"].includes(record.state);
}
