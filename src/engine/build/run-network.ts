import type { EndpointRecord, InterfaceSetup, NetworkRecord } from "../../domain/network.ts";
import type { Workload, WorkloadNetwork } from "../../domain/runtime.ts";
import type { Scope } from "../../kit/scope.ts";
import { clearedEndpoint, namelessEndpoint } from "../containers/endpoints.ts";
import {
  defaultGateway,
  extraHost,
  hostsPath,
  resolverFile,
  resolverPath,
  type NetworkLink,
} from "../containers/network-files.ts";
import type { EngineContext } from "../context.ts";
import type { BuildRequest } from "./build.ts";
import { findNetwork } from "../networks/find.ts";

/** The name that a process of a build has for its own host, as under BuildKit. */
export const buildHostname = "buildkitsandbox";

/** A step's connection: of the default bridge's network, or none. */
export interface StepNetwork {
  readonly kind: Exclude<WorkloadNetwork, { readonly kind: "join" }>["kind"];
  readonly link: NetworkLink | null;
}

/** Reserves an address for a step that has a network of its own; it goes with the scope. */
export function reserveNetwork(
  context: EngineContext,
  scope: Scope,
  id: string,
  mode: "default" | "none" | "host",
): StepNetwork {
  if (mode !== "default") return { kind: mode, link: null };
  const network: NetworkRecord = findNetwork(context, "bridge");
  const endpoint = namelessEndpoint(id, network);
  const lease = context.network.reserve(network, endpoint.id, endpoint.spec);
  scope.defer(() => context.network.release(network, endpoint.id));
  const link = { network, endpoint: { ...clearedEndpoint(endpoint), ...lease } };
  return { kind: "own", link };
}

/** Connects a workload that is open; the connection goes with the scope. */
export async function connectNetwork(
  context: EngineContext,
  scope: Scope,
  workload: Workload,
  { link }: StepNetwork,
  signal: AbortSignal,
): Promise<{ readonly setups: readonly InterfaceSetup[] }> {
  if (link === null || workload.link === null) return { setups: [] };
  const endpoint: EndpointRecord = link.endpoint;
  const target = await workload.plug("eth0", endpoint.mac, signal);
  scope.defer((until) => context.network.disconnect(link.network, endpoint, until));
  const setup = await context.network.connect(link.network, endpoint, target, "eth0", signal);
  return { setups: [setup] };
}

/** /etc/hosts and /etc/resolv.conf of a step, as under BuildKit. */
export async function stepFiles(
  context: EngineContext,
  { link }: StepNetwork,
  { hostname = buildHostname, extraHosts }: Pick<BuildRequest, "hostname" | "extraHosts">,
): Promise<Readonly<Record<string, string>>> {
  const gateway = link?.endpoint.ipv4Gateway || defaultGateway(context);
  const lines = [
    `127.0.0.1\tlocalhost ${hostname}`,
    "::1\tlocalhost ip6-localhost ip6-loopback",
    ...extraHosts.map((entry) => extraHost(entry, gateway)),
  ];
  const settings = { spec: { network: { dnsServers: [], dnsSearch: [], dnsOptions: [] } } };
  return {
    [hostsPath]: `${lines.join("\n")}\n`,
    [resolverPath]: await resolverFile(context, settings, link === null ? [] : [link]),
  };
}
