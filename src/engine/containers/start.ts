import { mkdir, rm } from "node:fs/promises";
import type { ContainerRecord } from "../../domain/container.ts";
import type { EndpointRecord, InterfaceSetup, NetworkRecord } from "../../domain/network.ts";
import type { Workload, WorkloadNetwork, WorkloadSpec } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import { publishMountEvents } from "../volumes/events.ts";
import { publishNetworkEvent } from "../networks/events.ts";
import { chooseGateways, routedBy } from "../networks/gateway.ts";
import { findNetwork } from "../networks/find.ts";
import { healthAtStart } from "../health/plan.ts";
import { ensureUnpacked } from "../images/ensure-unpacked.ts";
import { deleteRecord } from "./delete-record.ts";
import { clearedEndpoint, endpointsOf, parseNetworkMode } from "./endpoints.ts";
import { publishEnd, watchExit } from "./exit.ts";
import { findContainer, publishContainerEvent, transition } from "./find.ts";
import { makeHostParts, releaseHostParts } from "./host-parts.ts";
import { checkLinks, tellLinking } from "./links.ts";
import { joinNamespaces } from "./namespaces.ts";
import { runtimeOf } from "./runtime-of.ts";
import { wantedPorts } from "./wanted-ports.ts";
import { runDirectoryOf, workloadMounts, workloadSpec } from "./workload-spec.ts";

const startMilliseconds = 180_000;

/** Starts a container that does not run. A client that goes away does not stop a start under way. */
export async function startContainer(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  const { id } = findContainer(context, reference);
  await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
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
    context.store.transaction(() =>
      context.store.containers.put({ ...record, restartCount: 0, restartDelay: 0 }),
    );
    await startLocked(context, id);
  });
}

/** The start itself; the caller holds the container's lock. On failure the container is as before, with the error noted. */
export async function startLocked(context: EngineContext, id: string): Promise<void> {
  const record = transition(context, id, "start", { error: "", stoppedByUser: false });
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
  const runtime = runtimeOf(context, record.spec.isolation);
  await using scope = new Scope();
  // What a run that has just ended still holds may be the port or address that this one asks for.
  if (wantsFixed(record)) await context.live.released();
  const links = reserve(context, scope, record);
  const runDirectory = runDirectoryOf(context, record.id);
  await mkdir(runDirectory, { mode: 0o700, recursive: true });
  scope.defer(() => rm(runDirectory, { recursive: true, force: true }));
  await ensureUnpacked(context, record.image, signal);
  const root = await context.snapshotters[runtime.rootKind].root(record.id);
  const network = workloadNetwork(context, record);
  const spec = await specOfRun(context, scope, record, { root, network, links }, signal);
  const workload = await runtime.open(spec, signal);
  scope.defer((until) => workload.delete(until));
  context.store.transaction(() => {
    const current = findContainer(context, record.id);
    context.store.containers.put({ ...current, workload: workload.handle });
  });
  await failpoint("start.opened");
  const connected = await together(
    workload.create(signal),
    connect(context, scope, record, workload, links, signal),
  );
  await failpoint("start.created");
  if (connected.setups.length > 0 || network.kind === "none") {
    await workload.configureNetwork(connected.setups, signal);
  }
  // First, so that an attach that comes during the next step finds the workload instead of waiting.
  context.live.add(workload);
  scope.defer(() => context.live.forget(record.id));
  await context.live.serveAttaches(workload, signal);
  await workload.start(signal);
  await failpoint("start.started");
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
  watchExit(context, workload, startLocked);
}

/** What the runtime is asked for, with the host's mounts made and namespaces joined that it is about. */
async function specOfRun(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  parts: {
    readonly root: RootSource;
    readonly network: WorkloadNetwork;
    readonly links: readonly Link[];
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

interface Link {
  readonly network: NetworkRecord;
  readonly endpoint: EndpointRecord;
}

function wantsFixed(record: ContainerRecord): boolean {
  const { ports, publishAll } = record.spec.network;
  const hasAddress = record.endpoints.some(({ spec }) => spec.ipv4 !== "" || spec.ipv6 !== "");
  return ports.length > 0 || publishAll || hasAddress;
}

/** Addresses on every network of the container. Throws `not-found` NETWORK_NOT_FOUND where one is gone. */
function reserve(context: EngineContext, scope: Scope, record: ContainerRecord): readonly Link[] {
  return currentLinks(context, record).map(({ network, endpoint }) => {
    const lease = context.network.reserve(network, endpoint.id, endpoint.spec);
    scope.defer(() => context.network.release(network, endpoint.id));
    return { network, endpoint: { ...clearedEndpoint(endpoint), ...lease } };
  });
}

/** A network made again under the name of one that was removed takes its place, as in Docker. */
function currentLinks(context: EngineContext, record: ContainerRecord): readonly Link[] {
  const links = record.endpoints.map((endpoint): Link => {
    const same = context.store.networks.get(endpoint.network);
    const network = same ?? findNetwork(context, endpoint.networkName);
    return { network, endpoint: { ...endpoint, network: network.id } };
  });
  const isChanged = links.some(
    ({ endpoint }, at) => endpoint.network !== record.endpoints[at]?.network,
  );
  if (isChanged) {
    const endpoints = links.map(({ endpoint }) => endpoint);
    context.store.transaction(() =>
      context.store.containers.put({ ...findContainer(context, record.id), endpoints }),
    );
  }
  return links;
}

/** The links that name resolution goes by: those of the container whose network is joined. */
function filesFrom(
  context: EngineContext,
  record: ContainerRecord,
  links: readonly Link[],
): readonly Link[] {
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

/** Waits for both even when one fails, so that undo finds nothing half-made under way. */
async function together<T>(creation: Promise<void>, connection: Promise<T>): Promise<T> {
  const [created, connected] = await Promise.allSettled([creation, connection]);
  if (created.status === "rejected") throw created.reason;
  if (connected.status === "rejected") throw connected.reason;
  return connected.value;
}

async function connect(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  workload: Workload,
  links: readonly Link[],
  signal: AbortSignal,
): Promise<{
  readonly setups: readonly InterfaceSetup[];
  readonly endpoints: readonly EndpointRecord[];
}> {
  if (workload.link === null) return { setups: [], endpoints: record.endpoints };
  const gateways = chooseGateways(links);
  const setups: InterfaceSetup[] = [];
  const endpoints: EndpointRecord[] = [];
  for (const [index, { network, endpoint }] of links.entries()) {
    const interfaceName = `eth${index}`;
    const target = await workload.plug(interfaceName, endpoint.mac, signal);
    scope.defer((until) => context.network.disconnect(network, endpoint, until));
    const setup = await context.network.connect(network, endpoint, target, interfaceName, signal);
    setups.push(routedBy(gateways, endpoint.id, setup));
    await failpoint("start.connected");
    endpoints.push({ ...endpoint, interfaceName });
  }
  return { setups, endpoints: await publish(context, record, links, endpoints, signal) };
}

/** Ports lead to the endpoint by which the workload leaves its networks, as in Docker. */
async function publish(
  context: EngineContext,
  record: ContainerRecord,
  links: readonly Link[],
  endpoints: readonly EndpointRecord[],
  signal: AbortSignal,
): Promise<readonly EndpointRecord[]> {
  const { ipv4, ipv6 } = chooseGateways(links);
  const bindings = wantedPorts(record);
  const link = links.find(({ endpoint }) => endpoint.id === (ipv4 ?? ipv6));
  if (link === undefined || bindings.length === 0) return endpoints;
  const ports = await context.network.publish(link.network, link.endpoint, bindings, signal);
  return endpoints.map((each) => (each.id === link.endpoint.id ? { ...each, ports } : each));
}

const failureCodes: Readonly<Record<string, number>> = {
  COMMAND_NOT_FOUND: 127,
  COMMAND_NOT_EXECUTABLE: 126,
};

async function noteFailure(
  context: EngineContext,
  record: ContainerRecord,
  error: DuetError,
): Promise<void> {
  const exitCode = failureCodes[error.code] ?? 128;
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
