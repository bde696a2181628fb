import type { ContainerRecord } from "../../domain/container.ts";
import type { EndpointRecord, NetworkRecord, PortBinding } from "../../domain/network.ts";
import type { Workload } from "../../domain/runtime.ts";
import type { Scope } from "../../kit/scope.ts";
import { endpointsOf } from "../containers/endpoints.ts";
import {
  hostLines,
  hostsPath,
  nameserverLine,
  ownNameserver,
  resolverPath,
  type NetworkLink,
} from "../containers/network-files.ts";
import { wantedPorts } from "../containers/wanted-ports.ts";
import type { EngineContext } from "../context.ts";
import { publishPorts } from "./publish-ports.ts";
import { chooseGateways, movedRoutes, routedBy } from "./gateway.ts";

/** Connects a container that runs; gives all its endpoints as they are then. `scope` undoes it. */
export async function connectLive(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  workload: Workload,
  network: NetworkRecord,
  planned: EndpointRecord,
  signal: AbortSignal,
): Promise<readonly EndpointRecord[]> {
  const before = endpointsOf(context, record);
  const interfaceName = freeInterface(record);
  const lease = context.network.reserve(network, planned.id, planned.spec);
  scope.defer(() => context.network.release(network, planned.id));
  const endpoint: EndpointRecord = { ...planned, ...lease, interfaceName };
  const target = await workload.plug(interfaceName, endpoint.mac, signal);
  scope.defer((until) => workload.unplug(interfaceName, until));
  scope.defer((until) => context.network.disconnect(network, endpoint, until));
  const setup = await context.network.connect(network, endpoint, target, interfaceName, signal);
  const after = [...before, { network, endpoint }];
  const gateways = chooseGateways(after);
  const routes = movedRoutes(before, gateways, chooseGateways(before));
  if (routes.length > 0) scope.defer((until) => workload.configureNetwork(routes, until));
  await workload.configureNetwork([routedBy(gateways, endpoint.id, setup)], signal);
  await tellNames(context, record, workload, before, after, signal);
  const bindings = record.endpoints.some(({ ports }) => ports.length > 0)
    ? []
    : wantedPorts(record);
  const isWayOut = (gateways.ipv4 ?? gateways.ipv6) === endpoint.id;
  const ports =
    isWayOut && bindings.length > 0
      ? await publishPorts(context, record, { network, endpoint }, bindings, signal)
      : [];
  return [...record.endpoints, { ...endpoint, ports }];
}

/** Takes a container that runs off a network; gives the endpoints that remain. */
export async function disconnectLive(
  context: EngineContext,
  record: ContainerRecord,
  workload: Workload,
  network: NetworkRecord,
  endpoint: EndpointRecord,
  signal: AbortSignal,
): Promise<readonly EndpointRecord[]> {
  const before = endpointsOf(context, record);
  const after = before.filter((link) => link.endpoint.id !== endpoint.id);
  await context.network.disconnect(network, endpoint, signal);
  context.network.release(network, endpoint.id);
  if (endpoint.interfaceName !== undefined) await workload.unplug(endpoint.interfaceName, signal);
  const gateways = chooseGateways(after);
  const routes = movedRoutes(after, chooseGateways(before), gateways);
  if (routes.length > 0) await workload.configureNetwork(routes, signal);
  await tellNames(context, record, workload, before, after, signal);
  const remaining = record.endpoints.filter((each) => each.id !== endpoint.id);
  const next = after.find((link) => link.endpoint.id === (gateways.ipv4 ?? gateways.ipv6));
  if (endpoint.ports.length === 0 || next === undefined) return remaining;
  const moved = await republish(context, next, endpoint, signal);
  return remaining.map((each) => (each.id === moved.id ? moved : each));
}

/** The ports of an endpoint that is gone lead to another one from now on, where they can be had again. */
async function republish(
  context: EngineContext,
  { network, endpoint }: NetworkLink,
  gone: EndpointRecord,
  signal: AbortSignal,
): Promise<EndpointRecord> {
  const bindings = gone.ports.map((port): PortBinding => ({ ...port, hostPortEnd: port.hostPort }));
  try {
    const ports = await context.network.publish(network, endpoint, bindings, signal);
    return { ...endpoint, ports };
  } catch (error) {
    signal.throwIfAborted();
    context.log.warn("ports-lost", { network: network.spec.name, endpoint: endpoint.id, error });
    return endpoint;
  }
}

/** Makes /etc/hosts and /etc/resolv.conf of the workload tell its connections as they are. */
async function tellNames(
  context: EngineContext,
  record: ContainerRecord,
  workload: Workload,
  before: readonly NetworkLink[],
  after: readonly NetworkLink[],
  signal: AbortSignal,
): Promise<void> {
  const lines = (links: readonly NetworkLink[]): readonly string[] =>
    links.flatMap(({ endpoint }) => hostLines(record, endpoint));
  const server = (links: readonly NetworkLink[]): readonly string[] => {
    const address = ownNameserver(context, record, links);
    return address === "" ? [] : [nameserverLine(address)];
  };
  await change(context, workload, hostsPath, lines(before), lines(after), signal);
  // A workload that is on no network any more keeps the name server that it had: Docker's does too.
  if (after.length === 0) return;
  await change(context, workload, resolverPath, server(before), server(after), signal);
}

async function change(
  context: EngineContext,
  workload: Workload,
  path: string,
  before: readonly string[],
  after: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const remove = before.filter((line) => !after.includes(line));
  const add = after.filter((line) => !before.includes(line));
  if (remove.length === 0 && add.length === 0) return;
  try {
    await workload.changeFile(path, { remove, add }, signal);
  } catch (error) {
    signal.throwIfAborted();
    // What the workload did to its own file is not to keep it off a network.
    context.log.warn("names-not-told", { container: workload.id, path, error });
  }
}

/** The first name that no connection has: earlier ones may have been disconnected. */
function freeInterface(record: ContainerRecord): string {
  const taken = new Set(record.endpoints.map((endpoint) => endpoint.interfaceName));
  for (let index = 0; ; index += 1) if (!taken.has(`eth${index}`)) return `eth${index}`;
}
