import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerRecord } from "../domain/container.ts";
import type { EndpointRecord, NetworkRecord } from "../domain/network.ts";
import type { ExitRecord } from "../domain/process.ts";
import type { Workload } from "../domain/runtime.ts";
import { never, withDeadline } from "../kit/abort.ts";
import { failpoint } from "../kit/failpoint.ts";
import { collectCacheMounts } from "./build/cache-mounts.ts";
import { dropBuildMounts } from "./build/run-mounts.ts";
import { deleteRecord } from "./containers/delete-record.ts";
import { clearedEndpoint, endpointsOf } from "./containers/endpoints.ts";
import { noteEnd, publishDie } from "./containers/end.ts";
import { releaseRun, watchExit } from "./containers/exit.ts";
import { publishContainerEvent, transition } from "./containers/find.ts";
import { restartLater } from "./containers/restart-policy.ts";
import { restoreHostParts } from "./containers/host-parts.ts";
import { deleteVolumeFiles } from "./volumes/create.ts";
import { runtimeOf } from "./containers/runtime-of.ts";
import { startLocked } from "./containers/start.ts";
import { runDirectoryOf, stateDirectoryOf } from "./containers/workload-spec.ts";
import type { EngineContext } from "./context.ts";
import { collectWritable } from "./images/collect.ts";
import { ensurePredefinedNetworks } from "./networks/networks.ts";

const findMilliseconds = 20_000;

/**
 * Makes what runs and what the store says agree after any end of an earlier daemon: shims say what
 * runs, the store says what should. Nothing is answered to clients before this has ended.
 */
export async function restore(context: EngineContext): Promise<void> {
  const { store } = context;
  const interrupted = store.containers
    .list()
    .filter(
      (record) =>
        record.workload !== null ||
        ["starting", "running", "paused", "restarting"].includes(record.state),
    );
  const found = await Promise.all(interrupted.map((record) => findWorkload(context, record)));
  await failpoint("restore.found");
  await restoreNetworks(context, found);
  const live = found.filter(({ record, workload }) => workload !== undefined && isLive(record));
  await restoreHostParts(
    context,
    live.map(({ record }) => record),
  );
  for (const { record, workload } of found) {
    try {
      await settle(context, record, workload);
    } catch (error) {
      // One container that cannot be made whole must not keep all others from being served.
      context.log.error("container-not-restored", { container: record.id, error });
    }
  }
  await failpoint("restore.settled");
}

/**
 * Removes folders, sockets and writable roots that no record names. Before anything is served: a
 * create under way has bytes without a record.
 */
export async function collectLeftovers(context: EngineContext, signal: AbortSignal): Promise<void> {
  const { containersDirectory, workloadsDirectory, volumesDirectory } = context.settings;
  if (context.store.salvaged) {
    // Records were lost: what they named must not be taken for garbage.
    context.log.warn("leftovers-kept", { why: "the state was salvaged" });
    return;
  }
  // First: nothing is removed below what may still be mounted.
  await dropBuildMounts(context);
  const containers = context.store.containers.list();
  const shortIds = new Set(containers.map((record) => record.id.slice(0, 12)));
  for (const name of await readdir(workloadsDirectory)) {
    if (shortIds.has(name)) continue;
    for (const runtime of context.runtimes.values()) {
      await runtime.sweep(
        name,
        join(containersDirectory, name),
        join(workloadsDirectory, name),
        signal,
      );
    }
    await rm(join(workloadsDirectory, name), { recursive: true, force: true });
  }
  for (const name of await readdir(containersDirectory)) {
    if (context.store.containers.get(name) !== undefined) continue;
    await rm(join(containersDirectory, name), { recursive: true, force: true });
  }
  for (const name of await readdir(volumesDirectory)) {
    if (context.store.volumes.get(name) !== undefined) continue;
    await deleteVolumeFiles(context, name);
  }
  await collectCacheMounts(context, true);
  await collectWritable(context, signal);
  await context.content.dropStaleIngests(24 * 60 * 60 * 1_000);
}

interface Found {
  readonly record: ContainerRecord;
  readonly workload: Workload | undefined;
}

async function findWorkload(context: EngineContext, record: ContainerRecord): Promise<Found> {
  if (record.workload === null) return { record, workload: undefined };
  try {
    const runtime = runtimeOf(context, record.spec.isolation);
    const signal = withDeadline(never, findMilliseconds, `finding container ${record.name}`);
    return { record, workload: await runtime.find(record.id, record.workload, signal) };
  } catch (error) {
    context.log.warn("workload-not-found", { container: record.id, error });
    return { record, workload: undefined };
  }
}

async function restoreNetworks(context: EngineContext, found: readonly Found[]): Promise<void> {
  const live: { network: NetworkRecord; endpoint: EndpointRecord }[] = found
    .filter(({ record, workload }) => workload !== undefined && isLive(record))
    .flatMap(({ record }) => [...endpointsOf(context, record)]);
  for (const { network, endpoint } of live) context.network.adopt(network, endpoint);
  const bridges = context.store.networks
    .list()
    .filter((network) => network.spec.driver === "bridge");
  await context.network.restore(bridges, live, withDeadline(never, 60_000, "restoring networks"));
  await ensurePredefinedNetworks(context);
}

async function settle(
  context: EngineContext,
  record: ContainerRecord,
  workload: Workload | undefined,
): Promise<void> {
  if (workload !== undefined && isLive(record)) {
    context.live.add(workload);
    if (record.held === true) await endHold(context, record, workload);
    else if (record.state === "running") context.health.begin(context, record);
    watchExit(context, workload, startLocked);
    return;
  }
  const runtime = runtimeOf(context, record.spec.isolation);
  const stateDirectory = stateDirectoryOf(context, record.id);
  const signal = withDeadline(never, findMilliseconds, `clean-up of container ${record.name}`);
  // The sweep first: it finds what a dead run left by what is in the run directory, which the release removes.
  const sweepAndRelease = async (): Promise<void> => {
    const runDirectory = runDirectoryOf(context, record.id);
    if (workload === undefined) {
      await runtime.sweep(record.id, stateDirectory, runDirectory, signal);
    }
    await releaseRun(context, record, workload);
  };
  if (record.state === "restarting" || record.state === "exited") {
    // Its end was stored, but perhaps not yet all that it held given back.
    await sweepAndRelease();
    const { autoRemove } = record.spec.lifecycle;
    if (record.state === "restarting") restartLater(context, record.id, startLocked);
    else if (autoRemove) await deleteRecord(context, record, true, exitOf(record));
    return;
  }
  if (record.state === "starting") {
    await sweepAndRelease();
    const failed = transition(context, record.id, "start-failed", {
      exitCode: 128,
      error: "the engine ended while the container was being started",
      workload: null,
      pid: 0,
      endpoints: record.endpoints.map(clearedEndpoint),
    });
    if (record.spec.lifecycle.autoRemove) await deleteRecord(context, failed, true, exitOf(failed));
    return;
  }
  const exit = await runtime.exitRecord(stateDirectory);
  await sweepAndRelease();
  await settleEnded(context, record, exit);
}

/** An earlier daemon ended in a commit; it may have paused the workload and not noted it yet. */
async function endHold(
  context: EngineContext,
  record: ContainerRecord,
  workload: Workload,
): Promise<void> {
  const signal = withDeadline(never, findMilliseconds, `unpause of container ${record.name}`);
  await workload.resume(signal);
  const resumed: ContainerRecord = { ...record, state: "running", held: false };
  if (record.state === "paused") transition(context, record.id, "resume", { held: false });
  else context.store.transaction(() => context.store.containers.put(resumed));
  context.health.begin(context, resumed);
  if (record.state === "paused") publishContainerEvent(context, resumed, "unpause");
}

function isLive(record: ContainerRecord): boolean {
  return record.state === "running" || record.state === "paused";
}

/** A container whose shim is gone: its exit record tells how it ended; without one it was lost. */
async function settleEnded(
  context: EngineContext,
  record: ContainerRecord,
  exit: ExitRecord | undefined,
): Promise<void> {
  const known: ExitRecord = exit ?? {
    code: 255,
    outOfMemory: false,
    exitedAt: Date.now(),
    error: "the workload ended while no engine ran, and left no exit record",
  };
  const { ended, restarts } = noteEnd(context, record, known);
  publishDie(context, ended, known);
  if (record.spec.lifecycle.autoRemove) await deleteRecord(context, ended, true, known);
  else if (restarts) restartLater(context, record.id, startLocked);
}

function exitOf(record: ContainerRecord): ExitRecord {
  return { code: record.exitCode, outOfMemory: record.outOfMemory, exitedAt: record.finishedAt };
}
