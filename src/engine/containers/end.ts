import type { ContainerRecord } from "../../domain/container.ts";
import type { ExitRecord } from "../../domain/process.ts";
import type { EngineContext } from "../context.ts";
import { publishContainerEvent, transition } from "./find.ts";
import { countRestart, wantsRestart } from "./restart-policy.ts";

/** Stores how a run has ended, with `changes`; gives what the record is then, and whether the policy wants another run. */
export function noteEnd(
  context: EngineContext,
  record: ContainerRecord,
  exit: ExitRecord,
  changes: Partial<ContainerRecord> = {},
): { readonly ended: ContainerRecord; readonly restarts: boolean } {
  const restarts = wantsRestart(record, exit);
  const ended = transition(context, record.id, restarts ? "exit-for-restart" : "exit", {
    exitCode: exit.code,
    outOfMemory: exit.outOfMemory,
    finishedAt: exit.exitedAt,
    error: exit.error ?? "",
    pid: 0,
    ...changes,
    ...(restarts ? countRestart(record, exit.exitedAt) : {}),
  });
  return { ended, restarts };
}

/** Docker's `die`: how the run ended, and how many seconds it took. */
export function publishDie(context: EngineContext, ended: ContainerRecord, exit: ExitRecord): void {
  publishContainerEvent(context, ended, "die", {
    exitCode: String(exit.code),
    execDuration: String(Math.max(0, Math.floor((exit.exitedAt - ended.startedAt) / 1_000))),
  });
}
