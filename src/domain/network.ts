import type { ObjectId } from "./identity.ts";

export interface NetworkSpec {
  readonly name: string;
  /** `bridge`, `host` or `none`. */
  readonly driver: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  readonly pools: readonly AddressPool[];
  /** Options of the address driver, which the one that there is has none of; absent where none were given. */
  readonly addressOptions?: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** It is only what others are made from: it has no bridge and nobody connects to it. */
  readonly configOnly?: true;
  /** Name of the network that it was made from. */
  readonly configFrom?: string;
}

export interface AddressPool {
  /** CIDR; "" lets the allocator choose a free one. */
  readonly subnet: string;
  /** CIDR within the subnet from which addresses are given; "" for all of it. */
  readonly range: string;
  readonly gateway: string;
  readonly auxiliary: Readonly<Record<string, string>>;
}

export interface NetworkRecord {
  readonly id: ObjectId;
  readonly spec: NetworkSpec;
  /** Pools as allocated: subnet and gateway set. */
  readonly pools: readonly AddressPool[];
  /** Name of the bridge device, at most 15 bytes; "" for host and none. */
  readonly bridge: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Made by the engine itself (bridge, host, none): cannot be removed. */
  readonly predefined: boolean;
}

/** What a user asks of one connection. */
export interface EndpointSpec {
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  /** "" lets the allocator choose. */
  readonly ipv4: string;
  readonly ipv6: string;
  /** More addresses, of 169.254.0.0/16 and fe80::/64, that the interface gets. */
  readonly linkLocal?: readonly string[];
  readonly mac: string;
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly gatewayPriority: number;
}

/** Addresses reserved for an endpoint. */
export interface AddressLease {
  readonly ipv4: string;
  readonly ipv4PrefixLength: number;
  readonly ipv4Gateway: string;
  readonly ipv6: string;
  readonly ipv6PrefixLength: number;
  readonly ipv6Gateway: string;
  readonly mac: string;
}

/** One connection of a container to a network; addresses are "" until the container runs. */
export interface EndpointRecord extends AddressLease {
  readonly id: ObjectId;
  /** Whose connection it is; a record of an earlier Duet lacks it. */
  readonly container?: ObjectId;
  /** Servers that are asked what no network knows, instead of the host's own. */
  readonly nameservers?: readonly string[];
  readonly network: ObjectId;
  readonly networkName: string;
  readonly spec: EndpointSpec;
  /** Names that the network's DNS server answers with this endpoint's addresses. */
  readonly dnsNames: readonly string[];
  /** Name of the workload's interface, such as `eth0`; absent until the container runs. */
  readonly interfaceName?: string;
  readonly ports: readonly PublishedPort[];
}

/** What the user asked: hostPort 0 chooses a free one. */
export interface PortBinding {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly containerPort: number;
  /** "" is every address. */
  readonly hostAddress: string;
  readonly hostPort: number;
  /** Last port of a range to choose from; equals hostPort for a single one. */
  readonly hostPortEnd: number;
}

export interface PublishedPort {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly containerPort: number;
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** Where an endpoint's other half is: the network namespace of a process, or a tap device of the host. */
export type LinkTarget =
  | { readonly kind: "netns"; readonly pid: number }
  | { readonly kind: "tap"; readonly device: string };

/** What the workload's side (shim or agent) sets on its interface. */
export interface InterfaceSetup {
  /** Name of the device as it arrives; for a VM "" means the device with `mac` or the only one. */
  readonly device: string;
  /** Name that it gets: `eth0`, `eth1`, ... */
  readonly name: string;
  readonly mac: string;
  /** CIDR each. */
  readonly addresses: readonly string[];
  readonly routes: readonly { readonly destination: string; readonly gateway: string }[];
  readonly mtu: number;
  /** Whether it has IPv6 at all, were it an address of the link alone; left as it is where absent. */
  readonly ipv6?: boolean;
}

/** Counters of one interface as the workload sees them: received is what came in to it. */
export interface InterfaceCounters {
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receivedErrors: number;
  readonly receivedDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sentErrors: number;
  readonly sentDropped: number;
}

/**
 * Networks of the host. One driver instance owns one nft table and the bridges of one daemon; it
 * changes nothing that is not its own. All methods are idempotent, and safe to call after a crash
 * in the middle of an earlier call.
 *
 * Life of an endpoint: `reserve` (addresses) → `connect` (device, rules, names) → `publish`
 * (ports) → `disconnect` (all of it undone) → `release` (addresses).
 */
export interface NetworkDriver {
  /** Chooses subnet, gateway and bridge name; checks overlap with every route and network of the host. */
  plan(id: ObjectId, spec: NetworkSpec, existing: readonly NetworkRecord[]): Promise<NetworkRecord>;
  /** Makes bridge, rules and DNS server of a planned network. */
  up(network: NetworkRecord, signal: AbortSignal): Promise<void>;
  down(network: NetworkRecord, signal: AbortSignal): Promise<void>;

  /** What is wrong with a connection's settings, in Docker's words; empty where nothing is. */
  endpointErrors(network: NetworkRecord, spec: EndpointSpec): readonly string[];
  /** Picks free addresses. Throws `exhausted` POOL_EMPTY or `denied` ADDRESS_IN_USE. */
  reserve(network: NetworkRecord, endpoint: ObjectId, spec: EndpointSpec): AddressLease;
  /** Takes addresses back into use after a restart of the daemon. */
  adopt(network: NetworkRecord, endpoint: EndpointRecord): void;
  release(network: NetworkRecord, endpoint: ObjectId): void;

  /** Links the workload to the network; gives what its side must set up. */
  connect(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    target: LinkTarget,
    interfaceName: string,
    signal: AbortSignal,
  ): Promise<InterfaceSetup>;
  /**
   * Publishes ports of a connected endpoint, all or none; gives those really bound.
   * Throws `conflict` PORT_IN_USE.
   */
  publish(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    bindings: readonly PortBinding[],
    signal: AbortSignal,
  ): Promise<readonly PublishedPort[]>;
  /** Removes device, names, rules and ports of an endpoint. */
  disconnect(network: NetworkRecord, endpoint: EndpointRecord, signal: AbortSignal): Promise<void>;

  /** After a restart: makes host state match `live`, re-opening DNS and port listeners, dropping what is not in it. */
  restore(
    networks: readonly NetworkRecord[],
    live: readonly { readonly network: NetworkRecord; readonly endpoint: EndpointRecord }[],
    signal: AbortSignal,
  ): Promise<void>;
  /** Address of the DNS server that workloads on this network ask; "" where it has none. */
  dnsServer(network: NetworkRecord): string;
  /** Makes the DNS server answer the endpoint's `dnsNames` as they are now; does nothing for one that is not connected. */
  rename?(network: NetworkRecord, endpoint: EndpointRecord): void;
  /** Traffic of a connected endpoint; undefined where its device is gone. */
  counters?(
    network: NetworkRecord,
    endpoint: EndpointRecord,
  ): Promise<InterfaceCounters | undefined>;
  /** Stops listeners of this process; leaves all host state for a later daemon. */
  close(): Promise<void>;
}
