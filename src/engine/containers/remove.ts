import type { ContainerRecord } from "../../domain/container.ts";
import type { ExitRecord } from "../../domain/process.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { deleteRecord } from "./delete-record.ts";
import { findContainer } from "./find.ts";
import { cancelRestart } from "./restart-policy.ts";
import { killAndWait } from "./stop.ts";

export async function removeContainer(
  context: EngineContext,
  reference: string,
  options: { readonly force: boolean; readonly volumes: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { id } = findContainer(context, reference);
  for (let isGone = false; !isGone;) {
    if (options.force) await killAndWait(context, id);
    isGone = await context.containerLocks.run(id, signal, async () => {
      if (options.force) cancelRestart(context, id);
      const record = context.store.containers.get(id);
      if (record === undefined) return true;
      // It was being started when the look at it found nothing to kill.
      if (options.force && context.live.get(id) !== undefined) return false;
      if (!options.force) refuseLive(record);
      await deleteRecord(context, record, options.volumes, lastExit(record));
      return true;
    });
  }
}

function refuseLive(record: ContainerRecord): void {
  if (!["running", "paused", "starting", "restarting"].includes(record.state)) return;
  const between = record.restartCount > 0 ? "restarting" : "running";
  const word = record.state === "starting" ? between : record.state;
  const advice =
    word === "paused"
      ? "is paused and must be unpaused first"
      : `is ${word}: stop the container before removing or force remove`;
  throw new DuetError(
    "conflict",
    "CONTAINER_RUNNING",
    `cannot remove container "${record.name}": container ${advice}`,
  );
}

function lastExit(record: ContainerRecord): ExitRecord {
  return { code: record.exitCode, outOfMemory: record.outOfMemory, exitedAt: record.finishedAt };
}
