import type { ContainerRecord } from "../../domain/container.ts";
import type { ExitRecord } from "../../domain/process.ts";
import { never } from "../../kit/abort.ts";
import type { EngineContext } from "../context.ts";
import { transition } from "./find.ts";

const firstDelayMilliseconds = 100;
const longestDelayMilliseconds = 60_000;
/** A run this long makes the next delay the first again. */
const steadyMilliseconds = 10_000;

/** Whether the policy asks for another run after this exit (Docker's rules). */
export function wantsRestart(record: ContainerRecord, exit: ExitRecord): boolean {
  if (record.stoppedByUser) return false;
  const { name, maximumRetries } = record.spec.lifecycle.restart;
  if (name === "always" || name === "unless-stopped") return true;
  if (name !== "on-failure" || exit.code === 0) return false;
  return maximumRetries === 0 || record.restartCount < maximumRetries;
}

/** What an exit that the policy restarts after changes: the delay doubles with each quick end. */
export function countRestart(
  record: ContainerRecord,
  exitedAt: number,
): Required<Pick<ContainerRecord, "restartCount" | "restartDelay">> {
  const wasSteady = exitedAt - record.startedAt >= steadyMilliseconds;
  const before = wasSteady ? 0 : (record.restartDelay ?? 0);
  const restartDelay =
    before === 0 ? firstDelayMilliseconds : Math.min(longestDelayMilliseconds, before * 2);
  return { restartCount: record.restartCount + 1, restartDelay };
}

/** Starts one container whose lock the caller holds. */
export type Start = (context: EngineContext, id: string) => Promise<void>;

/** Starts a container in state `restarting` after its delay, unless a stop or removal comes first. */
export function restartLater(context: EngineContext, id: string, start: Start): void {
  const record = context.store.containers.get(id);
  if (record === undefined) return;
  const timer = setTimeout(() => {
    void restart(context, id, start).catch((error: unknown) => {
      context.log.warn("restart-failed", { container: id, error });
    });
  }, record.restartDelay ?? firstDelayMilliseconds);
  timer.unref();
}

async function restart(context: EngineContext, id: string, start: Start): Promise<void> {
  await context.containerLocks.run(id, never, async () => {
    const record = context.store.containers.get(id);
    if (record?.state !== "restarting") return;
    try {
      await start(context, id);
    } catch (error) {
      const failed = context.store.containers.get(id);
      const exit = { code: failed?.exitCode ?? 128, outOfMemory: false, exitedAt: Date.now() };
      if (failed === undefined || !wantsRestart(failed, exit)) throw error;
      const again = countRestart(failed, failed.startedAt);
      context.store.transaction(() =>
        context.store.containers.put({ ...failed, ...again, state: "restarting" }),
      );
      restartLater(context, id, start);
    }
  });
}

/** Ends a pending restart: the container stays exited. Gives whether one was pending. Call with the container's lock held. */
export function cancelRestart(context: EngineContext, id: string): boolean {
  if (context.store.containers.get(id)?.state !== "restarting") return false;
  const { exitCode, finishedAt, outOfMemory } = transition(context, id, "exit", {
    stoppedByUser: true,
  });
  context.live.announce(id, "exit", { code: exitCode, outOfMemory, exitedAt: finishedAt });
  return true;
}
