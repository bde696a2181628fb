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
