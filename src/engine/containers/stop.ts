import type { ContainerRecord } from "../../domain/container.ts";
import type { Durability } from "../../domain/store.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { resumeContainer } from "./change.ts";
import { cancelRestart } from "./restart-policy.ts";
import { parseSignal } from "../../kit/signal-number.ts";

const defaultTimeoutSeconds = 10;
/** How long a killed workload may take to be gone. */
const killMilliseconds = 30_000;
const sigkill = 9;

function isLive(record: ContainerRecord): boolean {
  return record.state === "running" || record.state === "paused";
}

/** Asks the process to end and kills it after `timeout` seconds (-1: waits for ever). */
export async function stopContainer(
  context: EngineContext,
  reference: string,
  timeout: number | null,
  signalName: string | null,
  signal: AbortSignal,
): Promise<void> {
  const { id, state } = findContainer(context, reference);
  const signalNumber = signalName === null ? null : parseSignal(signalName);
  if (state === "starting" || state === "restarting") {
    const wasWaiting = await context.containerLocks.run(id, signal, async () =>
      cancelRestart(context, id),
    );
    if (wasWaiting) {
      publishContainerEvent(context, findContainer(context, id), "stop");
      return;
    }
  }
  const record = findContainer(context, id);
  if (!isLive(record)) {
    throw new DuetError("unchanged", "NOT_RUNNING", `container ${record.name} is not running`);
  }
  markStopped(context, record.id);
  const seconds = timeout ?? record.spec.lifecycle.stopTimeout ?? defaultTimeoutSeconds;
  const first = signalNumber ?? parseSignal(record.resolved.stopSignal);
  context.live.expectStop(id);
  try {
    await endWorkload(context, record, first, seconds);
  } finally {
    context.live.takeStop(id);
  }
  await context.live.released(id);
}

async function endWorkload(
  context: EngineContext,
  record: ContainerRecord,
  firstSignal: number,
  seconds: number,
): Promise<void> {
  const workload = context.live.get(record.id);
  if (workload === undefined) return;
  const exited = context.live.waitFor(record.id, "exit", never);
  // A client that goes away does not leave it half stopped.
  const soon = withDeadline(never, killMilliseconds, `stop of container ${record.name}`);
  if (record.state === "paused") await ignoreEnded(workload.resume(soon));
  await ignoreEnded(workload.signal(firstSignal, soon));
  publishContainerEvent(context, record, "kill", { signal: String(firstSignal) });
  if (!(await settlesWithin(exited, seconds < 0 ? null : seconds * 1_000))) {
    await ignoreEnded(workload.signal(sigkill, withDeadline(never, killMilliseconds, "kill")));
    if (firstSignal !== sigkill) {
      publishContainerEvent(context, record, "kill", { signal: String(sigkill) });
    }
    if (!(await settlesWithin(exited, killMilliseconds))) {
      throw new DuetError(
        "timeout",
        "STOP_TIMEOUT",
        `container ${record.name} did not end after SIGKILL`,
        {
          hint: "a process may hang in the kernel: look at `top` of the container",
        },
      );
    }
  }
}

async function settlesWithin(
  promise: Promise<unknown>,
  milliseconds: number | null,
): Promise<boolean> {
  if (milliseconds === null) {
    await promise;
    return true;
  }
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A process that ended between the look and the signal is what was wanted. */
async function ignoreEnded(signalling: Promise<void>): Promise<void> {
  try {
    await signalling;
  } catch (error) {
    if (
      !isDuetError(error, "conflict") &&
      !isDuetError(error, "not-found") &&
      !isDuetError(error, "unavailable")
    ) {
      throw error;
    }
  }
}

/** Sends a signal. SIGKILL and the stop signal count as the user's wish that it stays ended. */
export async function killContainer(
  context: EngineContext,
  reference: string,
  signalName: string,
  signal: AbortSignal,
): Promise<void> {
  const record = findContainer(context, reference);
  const number = parseSignal(signalName === "" ? "SIGKILL" : signalName);
  if (record.state === "restarting") {
    await context.containerLocks.run(record.id, signal, async () =>
      cancelRestart(context, record.id),
    );
    return;
  }
  if (!isLive(record)) {
    throw new DuetError("conflict", "NOT_RUNNING", `container ${record.id} is not running`);
  }
  const ends = number === sigkill || number === parseSignal(record.resolved.stopSignal);
  if (ends) markStopped(context, record.id);
  const workload = context.live.demand(record.id);
  const exited =
    number === sigkill ? context.live.waitFor(record.id, "exit", never) : Promise.resolve();
  await workload.signal(number, signal);
  publishContainerEvent(context, record, "kill", { signal: String(number) });
  // A frozen process would not see it: as in Docker, the container goes on.
  if (record.state === "paused") await resumeKilled(context, record.id, number, signal);
  await settlesWithin(exited, killMilliseconds);
}

/** One that SIGKILL has reached frozen may be gone before it goes on. */
async function resumeKilled(
  context: EngineContext,
  id: string,
  number: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await resumeContainer(context, id, signal);
  } catch (error) {
    if (number !== sigkill) throw error;
    context.log.debug("ended-frozen", { container: id, error });
  }
}

/** Ends a live container by SIGKILL and waits for its exit; does nothing for one that does not run. */
export async function killAndWait(context: EngineContext, id: string): Promise<void> {
  const record = context.store.containers.get(id);
  if (record === undefined || !isLive(record)) return;
  markStopped(context, id, "soon");
  await endWorkload(context, record, sigkill, killMilliseconds / 1_000);
}

function markStopped(context: EngineContext, id: string, durability?: Durability): void {
  context.store.transaction(() => {
    const record = context.store.containers.get(id);
    if (record !== undefined && !record.stoppedByUser) {
      context.store.containers.put({ ...record, stoppedByUser: true });
    }
  }, durability);
}
