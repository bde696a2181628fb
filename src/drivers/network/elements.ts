import { bytesOfAddress, type Address } from "./address.ts";

/** One element of a set or map of ours, as the kernel stores it. */
export interface Element {
  readonly family: "inet" | "bridge";
  readonly set: string;
  readonly key: Buffer;
  /** What a map's key leads to. */
  readonly data?: Buffer;
}

export type Transport = "tcp" | "udp" | "sctp";

const protocolNumbers: Readonly<Record<Transport, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Every field of a key takes a multiple of 4 bytes. */
function field(bytes: Uint8Array, size: number): Buffer {
  const padded = Buffer.alloc(size);
  padded.set(bytes);
  return padded;
}

function device(name: string): Buffer {
  return field(Buffer.from(name, "latin1"), 16);
}

function transport(name: Transport): Buffer {
  return field(Buffer.of(protocolNumbers[name]), 4);
}

function port(number: number): Buffer {
  return field(Buffer.of(number >> 8, number & 255), 4);
}

function inet(set: string, key: readonly Buffer[], data?: readonly Buffer[]): Element {
  const element = { family: "inet", set, key: Buffer.concat(key) } as const;
  return data === undefined ? element : { ...element, data: Buffer.concat(data) };
}

function bridge(set: string, ...key: Buffer[]): Element {
  return { family: "bridge", set, key: Buffer.concat(key) };
}

/** What a network is to the rules. */
export function networkElements(network: {
  readonly bridge: string;
  readonly internal: boolean;
  readonly interContainer: boolean;
  readonly masquerade: boolean;
  readonly hostAccess: boolean;
  readonly gateways: readonly Address[];
}): Element[] {
  const name = device(network.bridge);
  return [
    inet("bridges", [name]),
    ...(network.internal ? [inet("internal", [name])] : []),
    ...(network.interContainer ? [inet("intra", [name, name])] : []),
    ...(network.masquerade ? [inet("masquerading", [name])] : []),
    ...(network.hostAccess ? [inet("hostaccess", [name])] : []),
    ...network.gateways.map((gateway) =>
      inet(`gateways${gateway.family}`, [name, bytesOfAddress(gateway)]),
    ),
  ];
}

/** Where questions to port 53 of a gateway are answered. */
export function resolverElement(
  bridgeName: string,
  gateway: Address,
  protocol: "tcp" | "udp",
  listener: number,
): Element {
  const address = bytesOfAddress(gateway);
  return inet(
    `resolver${gateway.family}`,
    [device(bridgeName), address, transport(protocol)],
    [address, port(listener)],
  );
}

/** What a port of a bridge may say, and its addresses. */
export function endpointElements(endpoint: {
  readonly bridge: string;
  readonly port: string;
  readonly mac: Uint8Array;
  readonly addresses: readonly Address[];
  readonly isDual: boolean;
  /** Those that its kernel gives itself, on networks with IPv6, and that the user gave it. */
  readonly linkLocals: readonly Address[];
}): Element[] {
  const name = device(endpoint.port);
  const mac = field(endpoint.mac, 8);
  const own = [...endpoint.addresses, ...endpoint.linkLocals];
  return [
    bridge("ports", name),
    bridge("stations", name, mac),
    ...(endpoint.isDual ? [bridge("dual", name)] : []),
    ...own.map((address) => bridge(`own${address.family}`, name, mac, bytesOfAddress(address))),
    ...own
      .filter((address) => address.family === 6)
      .map((address) => bridge("targets6", name, bytesOfAddress(address))),
    ...endpoint.addresses.map((address) =>
      inet(`local${address.family}`, [bytesOfAddress(address), device(endpoint.bridge)]),
    ),
  ];
}

/** The way of a published port; `host` undefined is every address of the host. */
export function portElement(
  protocol: Transport,
  host: Address | undefined,
  hostPort: number,
  target: Address,
  targetPort: number,
): Element {
  const data = [bytesOfAddress(target), port(targetPort)];
  if (host === undefined) {
    return inet(`any${target.family}`, [transport(protocol), port(hostPort)], data);
  }
  const key = [transport(protocol), bytesOfAddress(host), port(hostPort)];
  return inet(`at${target.family}`, key, data);
}
