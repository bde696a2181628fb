import { rm } from "node:fs/promises";
import type { ContainerRecord } from "../../domain/container.ts";
import type { ExitRecord } from "../../domain/process.ts";
import type { LogSink } from "../../domain/log-sink.ts";
import type { Workload } from "../../domain/runtime.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import { publishMountEvents } from "../volumes/events.ts";
import { publishNetworkEvent } from "../networks/events.ts";
import { clearedEndpoint, endpointsOf } from "./endpoints.ts";
import { noteEnd, publishDie } from "./end.ts";
import { publishContainerEvent } from "./find.ts";
import { deleteRecord } from "./delete-record.ts";
import { restartLater, type Start } from "./restart-policy.ts";
import { tellLinking } from "./links.ts";
import { releaseHostParts } from "./host-parts.ts";
import { isCompressed, logPathOf } from "./log-settings.ts";
import { shipLog } from "./log-shipments.ts";
import { runDirectoryOf, stateDirectoryOf } from "./workload-spec.ts";

const cleanUpMilliseconds = 30_000;

/** Follows a running workload to its end; one follower a run. `start` makes the next run where the policy wants one. */
export function watchExit(
  context: EngineContext,
  workload: Workload,
  start: Start,
  sink?: LogSink,
): void {
  compressLog(context, workload);
  shipLog(context, workload, sink);
  const settle = (exit: ExitRecord): void => {
    void handleExit(context, workload, exit, start).catch((error: unknown) => {
      context.log.error("exit-handling-failed", { container: workload.id, error });
    });
  };
  workload.wait(never).then(settle, (error: unknown) => {
    context.log.warn("workload-lost", { container: workload.id, error });
    settle({
      code: 137,
      outOfMemory: false,
      exitedAt: Date.now(),
      error: "the workload's shim was lost",
    });
  });
}

/** For one run: what is left of an earlier one is compressed with it. */
function compressLog(context: EngineContext, workload: Workload): void {
  const record = context.store.containers.get(workload.id);
  if (record === undefined || !isCompressed(context.logSinks, record.spec.logging)) return;
  const path = logPathOf(record.spec.logging, stateDirectoryOf(context, record.id));
  if (path === null) return;
  const ended = workload.wait(never).then(
    () => undefined,
    () => undefined,
  );
  context.logs.compress(path, ended, never).catch((error: unknown) => {
    context.log.warn("log-not-compressed", { container: workload.id, error });
  });
}

async function handleExit(
  context: EngineContext,
  workload: Workload,
  exit: ExitRecord,
  start: Start,
): Promise<void> {
  await context.containerLocks.run(workload.id, never, async () => {
    const record = context.store.containers.get(workload.id);
    context.live.forget(workload.id);
    if (record === undefined) {
      context.health.forget(workload.id);
      await workload.delete(withDeadline(never, cleanUpMilliseconds, "clean-up"));
      return;
    }
    const health = context.health.stop(record);
    const stopped = health === undefined ? {} : { health };
    const { ended, restarts } = noteEnd(context, record, exit, stopped);
    await failpoint("exit.stored");
    if (exit.outOfMemory) publishContainerEvent(context, ended, "oom");
    publishEnd(context, ended);
    if (context.live.takeStop(record.id)) publishContainerEvent(context, ended, "stop");
    publishDie(context, ended, exit);
    context.live.announce(record.id, "exit", exit);
    const released = releaseRun(context, record, workload);
    context.live.releasing(record.id, released);
    if (record.spec.lifecycle.autoRemove) await deleteRecord(context, ended, true, exit, released);
    await released;
    if (restarts) restartLater(context, record.id, start);
  });
}

/** Says what a run that has ended no longer uses. */
export function publishEnd(context: EngineContext, record: ContainerRecord): void {
  for (const { network } of endpointsOf(context, record)) {
    publishNetworkEvent(context, network, "disconnect", record.id);
  }
  publishMountEvents(context, record, "unmount");
}

/** Gives back what one run held: links, addresses, the workload, its run directory. */
export async function releaseRun(
  context: EngineContext,
  record: ContainerRecord,
  workload: Workload | undefined,
): Promise<void> {
  const signal = withDeadline(never, cleanUpMilliseconds, `clean-up of container ${record.name}`);
  const links = endpointsOf(context, record);
  const results = await Promise.allSettled([
    ...links.map(({ network, endpoint }) => context.network.disconnect(network, endpoint, signal)),
    workload?.delete(signal),
  ]);
  for (const { network, endpoint } of links) context.network.release(network, endpoint.id);
  for (const result of results) {
    if (result.status === "rejected") {
      context.log.warn("clean-up-failed", { container: record.id, error: result.reason });
    }
  }
  await tellLinking(context, record, false, signal);
  await releaseHostParts(context, record, signal).catch((error: unknown) => {
    context.log.warn("clean-up-failed", { container: record.id, error });
  });
  await rm(runDirectoryOf(context, record.id), { recursive: true, force: true });
  await failpoint("exit.released");
  const current = context.store.containers.get(record.id);
  if (current === undefined) return;
  const released = {
    ...current,
    workload: null,
    endpoints: current.endpoints.map(clearedEndpoint),
  };
  context.store.transaction(() => context.store.containers.put(released), "soon");
}
