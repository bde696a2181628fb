import type { ContainerRecord, ContainerSpec } from "../../domain/container.ts";
import { newObjectId, type ObjectId } from "../../domain/identity.ts";
import type { EndpointRecord, EndpointSpec, NetworkRecord } from "../../domain/network.ts";
import { DuetError, isDuetError, prefixed } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { findNetwork } from "../networks/find.ts";

export const emptyEndpointSpec: EndpointSpec = {
  aliases: [],
  links: [],
  ipv4: "",
  ipv6: "",
  mac: "",
  driverOptions: {},
  gatewayPriority: 0,
};

const unaddressed = {
  ipv4: "",
  ipv4PrefixLength: 0,
  ipv4Gateway: "",
  ipv6: "",
  ipv6PrefixLength: 0,
  ipv6Gateway: "",
  mac: "",
  ports: [],
} as const;

/** How a container's network mode is meant. */
export type NetworkMode =
  | { readonly kind: "networks"; readonly first: string }
  | { readonly kind: "host" | "none" }
  | { readonly kind: "container"; readonly container: string };

export function parseNetworkMode(mode: string): NetworkMode {
  if (mode === "" || mode === "default" || mode === "bridge")
    return { kind: "networks", first: "bridge" };
  if (mode === "host" || mode === "none") return { kind: mode };
  if (mode.startsWith("container:"))
    return { kind: "container", container: mode.slice("container:".length) };
  return { kind: "networks", first: mode };
}

/** The connections that a new container will have, without addresses yet; the mode's network comes first. */
export function planEndpoints(
  context: EngineContext,
  id: ObjectId,
  name: string,
  spec: ContainerSpec,
): readonly EndpointRecord[] {
  const mode = parseNetworkMode(spec.network.mode);
  const wanted = new Map<string, Wanted>();
  if (mode.kind === "networks") {
    const first = findWanted(context, mode.first);
    const mac = spec.network.macAddress;
    wanted.set(keyOf(first), { ...first, spec: { ...emptyEndpointSpec, mac } });
  }
  for (const [reference, endpoint] of Object.entries(spec.network.endpoints)) {
    if (mode.kind !== "networks") {
      if (reference === spec.network.mode) continue;
      throw new DuetError(
        "conflict",
        "NETWORK_MODE",
        `conflicting options: cannot attach to network ${reference} with network mode ${spec.network.mode}`,
      );
    }
    const found = findWanted(context, reference === "default" ? "bridge" : reference);
    const name = found.network?.spec.name ?? reference;
    const mac = endpoint.mac || (name === mode.first ? spec.network.macAddress : "");
    wanted.set(keyOf(found), { ...found, spec: { ...endpoint, mac } });
  }
  if (mode.kind === "host" || mode.kind === "none") return [stackEndpoint(context, id, mode.kind)];
  return [...wanted.values()].map((entry) => {
    if (entry.network === undefined) return unmetEndpoint(id, spec, entry.reference, entry.spec);
    try {
      return planEndpoint(context, id, name, spec, entry.network, entry.spec);
    } catch (error) {
      if (!isDuetError(error, "invalid")) throw error;
      throw prefixed(`invalid config for network ${entry.network.spec.name}`, error);
    }
  });
}

interface Wanted {
  readonly reference: string;
  /** undefined where there is none yet: the start asks again, as Docker's does. */
  readonly network: NetworkRecord | undefined;
  readonly spec: EndpointSpec;
}

function findWanted(context: EngineContext, reference: string): Omit<Wanted, "spec"> {
  try {
    return { reference, network: findNetwork(context, reference) };
  } catch (error) {
    if (isDuetError(error, "not-found")) return { reference, network: undefined };
    throw error;
  }
}

function keyOf(wanted: Omit<Wanted, "spec">): string {
  return wanted.network?.id ?? wanted.reference;
}

/** The connection of what has the host's network or none: without addresses, but told of as any other. */
function stackEndpoint(
  context: EngineContext,
  id: ObjectId,
  name: "host" | "none",
): EndpointRecord {
  const network = findNetwork(context, name);
  return {
    ...unaddressed,
    id: newObjectId(),
    container: id,
    network: network.id,
    networkName: name,
    spec: emptyEndpointSpec,
    dnsNames: [],
  };
}

/** A connection of what is no container, without addresses yet. */
export function namelessEndpoint(id: ObjectId, network: NetworkRecord): EndpointRecord {
  return {
    ...unaddressed,
    id: newObjectId(),
    container: id,
    nameservers: [],
    network: network.id,
    networkName: network.spec.name,
    spec: emptyEndpointSpec,
    dnsNames: [],
  };
}

/** A connection to a network that is not there, under the name that the user gave. */
function unmetEndpoint(
  id: ObjectId,
  spec: ContainerSpec,
  reference: string,
  endpoint: EndpointSpec,
): EndpointRecord {
  return {
    ...unaddressed,
    id: newObjectId(),
    container: id,
    nameservers: spec.network.dnsServers,
    network: "",
    networkName: reference,
    spec: endpoint,
    dnsNames: [],
  };
}

export function planEndpoint(
  context: EngineContext,
  id: ObjectId,
  name: string,
  spec: ContainerSpec,
  network: NetworkRecord,
  endpoint: EndpointSpec,
): EndpointRecord {
  if (network.spec.configOnly === true) {
    throw new DuetError(
      "denied",
      "NETWORK_MODE",
      "cannot create endpoint on configuration-only network",
      { hint: "make a network from it with --config-from" },
    );
  }
  if (!isBridged(network)) {
    throw new DuetError(
      "denied",
      "NETWORK_MODE",
      `container cannot be connected to network ${network.spec.name}: it has no endpoints`,
      { hint: `use --network ${network.spec.name} alone` },
    );
  }
  refuseErrors(context.network.endpointErrors(network, endpoint));
  const names = [name, ...endpoint.aliases, id.slice(0, 12), spec.hostname];
  return {
    ...unaddressed,
    id: newObjectId(),
    container: id,
    nameservers: spec.network.dnsServers,
    network: network.id,
    networkName: network.spec.name,
    spec: endpoint,
    dnsNames: isDefaultBridge(network) ? [] : [...new Set(names.filter((text) => text !== ""))],
  };
}

function refuseErrors(errors: readonly string[]): void {
  if (errors.length === 0) return;
  const list = errors.length === 1 ? errors : errors.map((error) => `* ${error}`);
  throw new DuetError(
    "invalid",
    "ENDPOINT_INVALID",
    `invalid endpoint settings:\n${list.join("\n")}`,
  );
}

/** Whether a network has interfaces: `host` and `none` have none. */
export function isBridged(network: NetworkRecord): boolean {
  return network.spec.driver === "bridge";
}

export function isDefaultBridge(network: NetworkRecord): boolean {
  return network.predefined && network.spec.name === "bridge";
}

/** The endpoint without what it held while the container ran. */
export function clearedEndpoint(endpoint: EndpointRecord): EndpointRecord {
  const { interfaceName: _, ...rest } = endpoint;
  return { ...rest, ...unaddressed };
}

/** Live endpoints of a container with their networks; a network that is gone drops out. */
export function endpointsOf(
  context: EngineContext,
  record: ContainerRecord,
): readonly { readonly network: NetworkRecord; readonly endpoint: EndpointRecord }[] {
  return record.endpoints.flatMap((endpoint) => {
    const network = context.store.networks.get(endpoint.network);
    return network === undefined ? [] : [{ network, endpoint }];
  });
}
