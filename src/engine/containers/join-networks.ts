import type { ContainerRecord } from "../../domain/container.ts";
import type { EndpointRecord, InterfaceSetup, NetworkRecord } from "../../domain/network.ts";
import type { Workload } from "../../domain/runtime.ts";
import { prefixed } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import { findNetwork } from "../networks/find.ts";
import { chooseGateways, routedBy } from "../networks/gateway.ts";
import { publishPorts } from "../networks/publish-ports.ts";
import { clearedEndpoint, isBridged, planEndpoint } from "./endpoints.ts";
import { findContainer } from "./find.ts";
import type { NetworkLink } from "./network-files.ts";
import { wantedPorts } from "./wanted-ports.ts";

/** Docker's words before whatever keeps a container off its networks. */
const failed = "failed to set up container networking";

/** Addresses on every network of the container. Throws `not-found` NETWORK_NOT_FOUND where one is gone. */
export function reserveAddresses(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
): readonly NetworkLink[] {
  try {
    return currentLinks(context, record).map(({ network, endpoint }) => {
      if (!isBridged(network)) return { network, endpoint };
      const lease = context.network.reserve(network, endpoint.id, endpoint.spec);
      scope.defer(() => context.network.release(network, endpoint.id));
      return { network, endpoint: { ...clearedEndpoint(endpoint), ...lease } };
    });
  } catch (error) {
    throw prefixed(failed, error);
  }
}

/** A network made again under the name of one that was removed takes its place, as in Docker. */
function currentLinks(context: EngineContext, record: ContainerRecord): readonly NetworkLink[] {
  const links = record.endpoints.map((endpoint): NetworkLink => {
    const same = context.store.networks.get(endpoint.network);
    const network = same ?? sameName(context, record, endpoint);
    if (endpoint.network !== "") return { network, endpoint: { ...endpoint, network: network.id } };
    // It was not there when the container was made.
    const planned = planEndpoint(
      context,
      record.id,
      record.name,
      record.spec,
      network,
      endpoint.spec,
    );
    return { network, endpoint: { ...planned, id: endpoint.id } };
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

/** Docker names a network that is gone by its id, once the container has been on it. */
function sameName(
  context: EngineContext,
  record: ContainerRecord,
  endpoint: EndpointRecord,
): NetworkRecord {
  const found = context.store.networks
    .list()
    .find((network) => network.spec.name === endpoint.networkName);
  return (
    found ?? findNetwork(context, record.startedAt > 0 ? endpoint.network : endpoint.networkName)
  );
}

/** Connects a workload that is open to its networks and publishes its ports; gives what its side sets up. */
export async function joinNetworks(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  workload: Workload,
  links: readonly NetworkLink[],
  signal: AbortSignal,
): Promise<{
  readonly setups: readonly InterfaceSetup[];
  readonly endpoints: readonly EndpointRecord[];
}> {
  if (workload.link === null) return { setups: [], endpoints: record.endpoints };
  const gateways = chooseGateways(links);
  const setups: InterfaceSetup[] = [];
  const endpoints: EndpointRecord[] = [];
  try {
    for (const [index, { network, endpoint }] of links.entries()) {
      if (!isBridged(network)) {
        endpoints.push(endpoint);
        continue;
      }
      const interfaceName = `eth${index}`;
      const target = await workload.plug(interfaceName, endpoint.mac, signal);
      scope.defer((until) => context.network.disconnect(network, endpoint, until));
      const setup = await context.network.connect(network, endpoint, target, interfaceName, signal);
      setups.push(routedBy(gateways, endpoint.id, setup));
      await failpoint("start.connected");
      endpoints.push({ ...endpoint, interfaceName });
    }
    return { setups, endpoints: await publish(context, record, links, endpoints, signal) };
  } catch (error) {
    throw prefixed(failed, error);
  }
}

/** Ports lead to the endpoint by which the workload leaves its networks, as in Docker. */
async function publish(
  context: EngineContext,
  record: ContainerRecord,
  links: readonly NetworkLink[],
  endpoints: readonly EndpointRecord[],
  signal: AbortSignal,
): Promise<readonly EndpointRecord[]> {
  const { ipv4, ipv6 } = chooseGateways(links);
  const bindings = wantedPorts(record);
  const link = links.find(({ endpoint }) => endpoint.id === (ipv4 ?? ipv6));
  if (link === undefined || bindings.length === 0) return endpoints;
  const ports = await publishPorts(context, record, link, bindings, signal);
  return endpoints.map((each) => (each.id === link.endpoint.id ? { ...each, ports } : each));
}
