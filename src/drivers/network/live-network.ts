import type { ObjectId } from "../../domain/identity.ts";
import type {
  EndpointRecord,
  InterfaceSetup,
  LinkTarget,
  NetworkRecord,
} from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import { formatAddress, linkLocalOf, parseAddress, parseMac, type Address } from "./address.ts";
import type { DnsServer } from "./dns/server.ts";
import { endpointElements, networkElements, type Element } from "./elements.ts";
import type { BridgeOptions } from "./options.ts";
import type { OpenPort } from "./ports.ts";

/** A network whose bridge is up, and who is on it. */
export interface LiveNetwork {
  readonly record: NetworkRecord;
  readonly options: BridgeOptions;
  /** Index of the bridge device. */
  readonly index: number;
  readonly dns: DnsServer;
  readonly elements: readonly Element[];
  readonly endpoints: Map<ObjectId, LiveEndpoint>;
}

export interface LiveEndpoint {
  readonly record: EndpointRecord;
  readonly kind: LinkTarget["kind"];
  /** The port of the bridge: a veth's host end or a tap. */
  readonly device: string;
  readonly elements: readonly Element[];
  ports: readonly OpenPort[];
}

export function isBridged(network: NetworkRecord): boolean {
  return network.bridge !== "";
}

/** Gateway addresses, IPv4 first. */
export function gatewaysOf(network: NetworkRecord): readonly Address[] {
  return network.pools.map((pool) => parseAddress(pool.gateway)).filter((one) => one !== undefined);
}

/** The bridge's own MAC address, which never changes with the ports that come and go. */
export function bridgeMac(network: NetworkRecord): Buffer {
  return Buffer.concat([Buffer.of(0x02, 0x42), Buffer.from(network.id.slice(0, 8), "hex")]);
}

export function elementsOfNetwork(network: NetworkRecord, options: BridgeOptions): Element[] {
  return networkElements({
    bridge: network.bridge,
    internal: network.spec.internal,
    interContainer: options.interContainer,
    masquerade: options.masquerade && !network.spec.internal,
    hostAccess: options.hostAccess,
    gateways: gatewaysOf(network),
  });
}

export function addressesOf(endpoint: EndpointRecord): readonly Address[] {
  return [endpoint.ipv4, endpoint.ipv6].map(parseAddress).filter((one) => one !== undefined);
}

/** Addresses of the link that the user gave the interface. */
function linkLocalsOf(endpoint: EndpointRecord): readonly Address[] {
  return (endpoint.spec.linkLocal ?? []).map(parseAddress).filter((one) => one !== undefined);
}

export function elementsOfEndpoint(
  network: NetworkRecord,
  endpoint: EndpointRecord,
  device: string,
): Element[] {
  const mac = macOf(endpoint);
  const isDual = network.spec.enableIpv6;
  const linkLocals = [...(isDual ? [linkLocalOf(mac)] : []), ...linkLocalsOf(endpoint)];
  const addresses = addressesOf(endpoint);
  const { bridge } = network;
  return endpointElements({ bridge, port: device, mac, addresses, isDual, linkLocals });
}

export function macOf(endpoint: EndpointRecord): Buffer {
  const mac = parseMac(endpoint.mac);
  if (mac !== undefined) return mac;
  throw new DuetError("invalid", "MAC_INVALID", `the endpoint ${endpoint.id} has no MAC address`);
}

/** The host end's name; the same for an endpoint at all times, so that it is found after a crash. */
export function hostDevice(endpoint: EndpointRecord): string {
  return `dv${endpoint.id.slice(0, 12)}`;
}

export function peerDevice(endpoint: EndpointRecord): string {
  return `dp${endpoint.id.slice(0, 12)}`;
}

/** What the workload sets up. Internal networks lead nowhere, so they have no default route. */
export function setupOf(
  network: LiveNetwork,
  endpoint: EndpointRecord,
  device: string,
  name: string,
): InterfaceSetup {
  const sides = [
    { address: endpoint.ipv4, prefix: endpoint.ipv4PrefixLength, gateway: endpoint.ipv4Gateway },
    { address: endpoint.ipv6, prefix: endpoint.ipv6PrefixLength, gateway: endpoint.ipv6Gateway },
  ].filter((side) => side.address !== "");
  const routed = network.record.spec.internal ? [] : sides.filter((side) => side.gateway !== "");
  return {
    device,
    name,
    mac: endpoint.mac,
    addresses: [
      ...sides.map((side) => `${side.address}/${side.prefix}`),
      ...linkLocalsOf(endpoint).map((one) => `${formatAddress(one)}/${one.family === 4 ? 16 : 64}`),
    ],
    routes: routed.map((side) => ({ destination: "default", gateway: side.gateway })),
    mtu: network.options.mtu,
    ipv6: [...addressesOf(endpoint), ...linkLocalsOf(endpoint)].some(({ family }) => family === 6),
  };
}
