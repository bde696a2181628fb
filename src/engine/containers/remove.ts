import type { ContainerRecord } from "../../domain/container.ts";
import type { ExitRecord } from "../../domain/process.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { deleteRecord } from "./delete-record.ts";
import { advance, findContainer } from "./find.ts";
import { cancelRestart } from "./restart-policy.ts";
import { killAndWait } from "./stop.ts";

export async function removeContainer(
  context: EngineContext,
  reference: string,
  options: { readonly force: boolean; readonly volumes: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { id } = findContainer(context, reference);
  if (options.force) await killAndWait(context, id, signal);
  await context.containerLocks.run(id, signal, async () => {
    if (options.force) cancelRestart(context, id);
    const record = context.store.containers.get(id);
    if (record === undefined) return;
    refuseLive(record);
    await deleteRecord(context, advance(record, "remove"), options.volumes, lastExit(record));
  });
}

function refuseLive(record: ContainerRecord): void {
  if (!["running", "paused", "starting", "restarting"].includes(record.state)) return;
  const word = record.state === "starting" ? "running" : record.state;
  throw new DuetError(
    "conflict",
    "CONTAINER_RUNNING",
    `cannot remove container "/${record.name}": container is ${word}: stop the container before removing or force remove`,
  );
}

function lastExit(record: ContainerRecord): ExitRecord {
  return { code: record.exitCode, outOfMemory: record.outOfMemory, exitedAt: record.finishedAt };
}
