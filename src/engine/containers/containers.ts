import type { ContainerRecord } from "../../domain/container.ts";
import { never, race } from "../../kit/abort.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerUseCases, PruneResult } from "../engine.ts";
import { imageOf } from "../images/image-of.ts";
import { archivePath, extractTo, statPath } from "./archive.ts";
import { changesOf, exportContainer } from "./changes.ts";
import { commitContainer } from "./commit.ts";
import { attachContainer, noteDetached, resizeTerminal } from "./attach.ts";
import { pauseContainer, renameContainer, resumeContainer } from "./change.ts";
import { createContainer } from "./create.ts";
import { StatsReader } from "./stats.ts";
import { findContainer } from "./find.ts";
import { readLogs } from "./logs.ts";
import { containerPlaces } from "./places.ts";
import { removeContainer } from "./remove.ts";
import { restartContainer } from "./restart.ts";
import { snapshotterOf } from "./root-kind.ts";
import { startContainer } from "./start.ts";
import { killContainer, stopContainer } from "./stop.ts";
import { listProcesses } from "./top.ts";
import { updateContainer } from "./update.ts";
import { waitContainer } from "./wait.ts";

/** The container verbs, bound to one engine. */
export function containerUseCases(context: EngineContext): ContainerUseCases {
  const statsReader = new StatsReader();
  return {
    create: (name, spec, request, signal) => createContainer(context, name, spec, request, signal),
    get: (reference) => withHealth(context, findContainer(context, reference)),
    list: () => context.store.containers.list().map((record) => withHealth(context, record)),
    size: (reference, signal) => containerSize(context, reference, signal),
    places: (reference) => containerPlaces(context, findContainer(context, reference)),
    start: (reference, signal) => startContainer(context, reference, signal),
    stop: (reference, timeout, name, signal) =>
      stopContainer(context, reference, timeout, name, signal),
    restart: (reference, timeout, name, signal) =>
      restartContainer(context, reference, timeout, name, signal),
    kill: (reference, name, signal) => killContainer(context, reference, name, signal),
    pause: (reference, signal) => pauseContainer(context, reference, signal),
    resume: (reference, signal) => resumeContainer(context, reference, signal),
    rename: (reference, name, signal) => renameContainer(context, reference, name, signal),
    update: (reference, resources, restart, signal) =>
      updateContainer(context, reference, resources, restart, signal),
    remove: (reference, options, signal) => removeContainer(context, reference, options, signal),
    prune: (keep, signal) => pruneContainers(context, keep, signal),
    wait: (reference, condition, ready, signal) =>
      waitContainer(context, reference, condition, ready, signal),
    attach: (reference, options, signal) => attachContainer(context, reference, options, signal),
    noteDetached: (reference) => noteDetached(context, reference),
    resize: (reference, rows, columns, signal) =>
      resizeTerminal(context, reference, rows, columns, signal),
    logs: (reference, options, signal) => readLogs(context, reference, options, signal),
    stats: (reference, signal) =>
      race(statsReader.read(context, findContainer(context, reference)), signal),
    top: (reference, psArguments, signal) => listProcesses(context, reference, psArguments, signal),
    changes: (reference, signal) => changesOf(context, reference, signal),
    export: (reference, signal) => exportContainer(context, reference, signal),
    statPath: (reference, path, signal) => statPath(context, reference, path, signal),
    archive: (reference, path, signal) => archivePath(context, reference, path, signal),
    extract: (reference, path, tar, options, signal) =>
      extractTo(context, reference, path, tar, options, signal),
    commit: (reference, request, signal) => commitContainer(context, reference, request, signal),
  };
}

/** The record with what its checks say now. */
function withHealth(context: EngineContext, record: ContainerRecord): ContainerRecord {
  const health = context.health.stateOf(record);
  return health === record.health || health === undefined ? record : { ...record, health };
}

async function containerSize(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<{ readonly writable: number; readonly root: number }> {
  signal.throwIfAborted();
  const record = findContainer(context, reference);
  const writable = await snapshotterOf(context, record).usage(record.id);
  return { writable, root: writable + (imageOf(context, record)?.size ?? 0) };
}

async function pruneContainers(
  context: EngineContext,
  keep: (container: ContainerRecord) => boolean,
  signal: AbortSignal,
): Promise<PruneResult> {
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const record of context.store.containers.list()) {
    if (!["created", "exited", "dead"].includes(record.state) || keep(record)) continue;
    reclaimed += (await containerSize(context, record.id, signal)).writable;
    try {
      await removeContainer(context, record.id, { force: false, volumes: false }, never);
    } catch (error) {
      // Started or removed by another client meanwhile.
      if (isDuetError(error, "conflict") || isDuetError(error, "not-found")) continue;
      throw error;
    }
    deleted.push(record.id);
  }
  context.events.pruned("container", reclaimed);
  return { deleted, reclaimed };
}
