import { mkdir, rm } from "node:fs/promises";
import type { ContainerRecord } from "../../domain/container.ts";
import { exitCodeOfFailure } from "../../domain/launch-failure.ts";
import type { Workload, WorkloadNetwork, WorkloadSpec } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import { publishMountEvents } from "../volumes/events.ts";
import { publishNetworkEvent } from "../networks/events.ts";
import { healthAtStart } from "../health/plan.ts";
import { ensureUnpacked } from "../images/ensure-unpacked.ts";
import { imageOf } from "../images/image-of.ts";
import { createConnected } from "./create-connected.ts";
import { deleteRecord } from "./delete-record.ts";
import { clearedEndpoint, endpointsOf, parseNetworkMode } from "./endpoints.ts";
import { publishEnd, watchExit } from "./exit.ts";
import { findContainer, publishContainerEvent, transition, underLock } from "./find.ts";
import { makeHostParts, releaseHostParts } from "./host-parts.ts";
import { joinNetworks, reserveAddresses } from "./join-networks.ts";
import { checkLinks, tellLinking } from "./links.ts";
import { openLogSink } from "./log-shipments.ts";
import { joinNamespaces } from "./namespaces.ts";
import type { NetworkLink } from "./network-files.ts";
import { asAsked } from "./machine-disk.ts";
import { snapshotterOf } from "./root-kind.ts";
import { runtimeOf } from "./runtime-of.ts";
import { runDirectoryOf, workloadMounts, workloadSpec } from "./workload-spec.ts";

const startMilliseconds = 180_000;

/** Starts a container that does not run. A client that goes away does not stop a start under way. */
export async function startContainer(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  await underLock(context, reference, signal, async (record) => {
    const { id } = record;
    if (record.state === "running") {
      throw new DuetError(
        "unchanged",
        "ALREADY_RUNNING",
        `container ${record.name} is already running`,
      );
    }
    if (record.state === "paused") {
      throw new DuetError(
        "conflict",
        "CONTAINER_STATE",
        "cannot start a paused container, try unpause instead",
      );
    }
    await startLocked(context, id, { restartCount: 0, restartDelay: 0 });
  });
}

/** The start itself; the caller holds the container's lock. On failure the container is as before, with the error noted. */
export async function startLocked(
  context: EngineContext,
  id: string,
  changes: Partial<ContainerRecord> = {},
): Promise<void> {
  const begun = { ...changes, error: "", stoppedByUser: false, held: false };
  const record = transition(context, id, "start", begun, "soon");
  await failpoint("start.starting");
  try {
    await run(
      context,
      record,
      withDeadline(never, startMilliseconds, `start of container ${record.name}`),
    );
  } catch (error) {
    await noteFailure(context, record, toDuetError(error));
    throw error;
  }
}

async function run(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<void> {
  await using scope = new Scope();
  // What a run that has just ended still holds may be the port or address that this one asks for.
  if (wantsFixed(record)) await context.live.released();
  const links = reserveAddresses(context, scope, record);
  const runDirectory = runDirectoryOf(context, record.id);
  await mkdir(runDirectory, { mode: 0o700, recursive: true });
  scope.defer(() => rm(runDirectory, { recursive: true, force: true }));
  await ensureUnpacked(context, imageOf(context, record), signal);
  const root = asAsked(await snapshotterOf(context, record).root(record.id), record);
  const network = workloadNetwork(context, record);
  const spec = await specOfRun(context, scope, record, { root, network, links }, signal);
  const sink = await openLogSink(context, record, signal);
  if (sink !== undefined) scope.defer(() => sink[Symbol.asyncDispose]());
  const begin = (): Promise<Begun> => beginRun(context, scope, record, { spec, links }, signal);
  // All that are asked for at once would take turns at the same locks of the kernel, and at this thread.
  const { workload, connected } =
    record.spec.isolation === "container" ? await context.starts.run(signal, begin) : await begin();
  const running = transition(context, record.id, "started", {
    pid: workload.pid,
    startedAt: Date.now(),
    finishedAt: 0,
    exitCode: 0,
    outOfMemory: false,
    endpoints: connected.endpoints,
    ...health(record),
  });
  scope.commit();
  await tellLinking(context, running, true, signal);
  publishMountEvents(context, running, "mount");
  for (const { network: joined } of links) {
    publishNetworkEvent(context, joined, "connect", record.id);
  }
  publishContainerEvent(context, running, "start");
  context.health.begin(context, running);
  watchExit(context, workload, startLocked, sink);
}

interface Begun {
  readonly workload: Workload;
  readonly connected: Awaited<ReturnType<typeof joinNetworks>>;
}

/** Makes the workload, connects it and starts its process. */
async function beginRun(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  parts: { readonly spec: WorkloadSpec; readonly links: readonly NetworkLink[] },
  signal: AbortSignal,
): Promise<Begun> {
  const { spec, links } = parts;
  const workload = await runtimeOf(context, record.spec.isolation).open(spec, signal);
  scope.defer((until) => workload.delete(until));
  context.store.transaction(() => {
    const current = findContainer(context, record.id);
    context.store.containers.put({ ...current, workload: workload.handle });
  }, "soon");
  await failpoint("start.opened");
  const connected = await createConnected(
    workload,
    spec.network.kind,
    () => joinNetworks(context, scope, record, workload, links, signal),
    signal,
    () => failpoint("start.created"),
  );
  // First, so that an attach that comes during the next step finds the workload instead of waiting.
  context.live.add(workload);
  scope.defer(() => context.live.forget(record.id));
  await context.live.serveAttaches(workload, signal);
  await workload.start(signal);
  await failpoint("start.started");
  return { workload, connected };
}

/** What the runtime is asked for, with the host's mounts made and namespaces joined that it is about. */
async function specOfRun(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  parts: {
    readonly root: RootSource;
    readonly network: WorkloadNetwork;
    readonly links: readonly NetworkLink[];
  },
  signal: AbortSignal,
): Promise<WorkloadSpec> {
  checkLinks(context, record);
  const security = joinNamespaces(context, record.spec.security);
  scope.defer((until) => releaseHostParts(context, record, until));
  const { mounts, sharedMemory } = await makeHostParts(context, record, signal);
  const { root, network, links } = parts;
  return {
    ...(await workloadSpec(context, record, root, network, filesFrom(context, record, links))),
    security,
    mounts: workloadMounts(mounts),
    sharedMemory,
  };
}

function health(record: ContainerRecord): Pick<ContainerRecord, "health"> {
  const state = healthAtStart(record);
  return state === undefined ? {} : { health: state };
}

function wantsFixed(record: ContainerRecord): boolean {
  const { ports, publishAll } = record.spec.network;
  const hasAddress = record.endpoints.some(({ spec }) => spec.ipv4 !== "" || spec.ipv6 !== "");
  return ports.length > 0 || publishAll || hasAddress;
}

/** The links that name resolution goes by: those of the container whose network is joined. */
function filesFrom(
  context: EngineContext,
  record: ContainerRecord,
  links: readonly NetworkLink[],
): readonly NetworkLink[] {
  const mode = parseNetworkMode(record.spec.network.mode);
  if (mode.kind !== "container") return links;
  return endpointsOf(context, findContainer(context, mode.container));
}

function workloadNetwork(context: EngineContext, record: ContainerRecord): WorkloadNetwork {
  const mode = parseNetworkMode(record.spec.network.mode);
  if (mode.kind === "networks") return { kind: "own" };
  if (mode.kind !== "container") return { kind: mode.kind };
  const target = findContainer(context, mode.container);
  if (target.pid === 0) {
    throw new DuetError(
      "conflict",
      "NOT_RUNNING",
      `cannot join network namespace of a non running container: container ${target.name} is ${target.state}`,
    );
  }
  return { kind: "join", pid: target.pid };
}

async function noteFailure(
  context: EngineContext,
  record: ContainerRecord,
  error: DuetError,
): Promise<void> {
  const exitCode = exitCodeOfFailure(error);
  const failed = transition(context, record.id, "start-failed", {
    exitCode,
    error: error.message,
    pid: 0,
    workload: null,
    endpoints: findContainer(context, record.id).endpoints.map(clearedEndpoint),
  });
  context.live.refuseAttaches(record.id, error);
  const exit = { code: exitCode, outOfMemory: false, exitedAt: Date.now(), error: error.message };
  context.live.announce(record.id, "exit", exit);
  publishEnd(context, failed);
  if (record.spec.lifecycle.autoRemove) await deleteRecord(context, failed, true, exit);
}
