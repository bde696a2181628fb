import type { ObjectId } from "../../domain/identity.ts";
import type {
  AddressLease,
  EndpointRecord,
  EndpointSpec,
  InterfaceCounters,
  InterfaceSetup,
  LinkTarget,
  NetworkDriver,
  NetworkRecord,
  NetworkSpec,
  PortBinding,
  PublishedPort,
} from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";
import { Scope } from "../../kit/scope.ts";
import { formatAddress, parseAddress, parseSubnet } from "./address.ts";
import { AddressAllocator } from "./allocator.ts";
import { ForeignFirewalls } from "./coexistence.ts";
import { readInterfaceCounters } from "./counters.ts";
import { Forwarder } from "./dns/forwarder.ts";
import { NameTable, type Memberships } from "./dns/names.ts";
import { DnsServer } from "./dns/server.ts";
import { resolverElement } from "./elements.ts";
import { Firewall } from "./firewall.ts";
import { HostSettings } from "./host-settings.ts";
import { Links, type Link } from "./links.ts";
import {
  bridgeMac,
  elementsOfNetwork,
  gatewaysOf,
  hostDevice,
  isBridged,
  type LiveEndpoint,
  type LiveNetwork,
} from "./live-network.ts";
import { bridgeOptions, isDefaultBridge } from "./options.ts";
import { bridgeAlias, NetworkPlanner } from "./planner.ts";
import { PortBook } from "./ports.ts";
import { endpointErrors } from "./endpoint-errors.ts";
import { addName, closePorts, EndpointPlugs } from "./endpoint-plugs.ts";

export interface BridgeDriverOptions {
  readonly instance: string;
  readonly statePath: string;
  readonly runDirectory: string;
  readonly log: Log;
  readonly resolvConf: string;
  readonly addressPools?: readonly { readonly base: string; readonly size: number }[];
}

const networksKey = "networks";

/** The network port on Linux bridges. What is where: docs/internals/network.md. */
export class BridgeDriver implements NetworkDriver {
  private readonly instance: string;
  private readonly log: Log;
  private readonly links = new Links();
  private readonly planner: NetworkPlanner;
  private readonly firewall: Firewall;
  private readonly settings: HostSettings;
  private readonly foreign: ForeignFirewalls;
  private readonly plugs: EndpointPlugs;
  private readonly forwarder: Forwarder;
  private readonly locks = new KeyedLock();
  private readonly allocators = new Map<ObjectId, AddressAllocator>();
  private readonly live = new Map<ObjectId, LiveNetwork>();
  private readonly memberships: Memberships = new Map();
  private closed = false;

  constructor(options: BridgeDriverOptions) {
    const { instance, log, runDirectory } = options;
    this.instance = instance;
    this.log = log;
    this.planner = new NetworkPlanner(this.links, instance, options.addressPools);
    this.firewall = new Firewall({ table: `duet_${instance}`, folder: runDirectory, log });
    this.settings = new HostSettings(options.statePath, log);
    this.foreign = new ForeignFirewalls(`duet_${instance}`, log);
    this.firewall.onForeignChange = () => this.foreign.changed();
    this.plugs = new EndpointPlugs({
      instance,
      log,
      links: this.links,
      firewall: this.firewall,
      settings: this.settings,
      ports: new PortBook(this.settings.hasIpv6()),
    });
    this.forwarder = new Forwarder(options.resolvConf, (address) => this.isGateway(address));
  }

  private isGateway(text: string): boolean {
    const pools = [...this.live.values()].flatMap((one) => one.record.pools);
    return pools.some((pool) => pool.gateway === text);
  }

  async plan(
    id: ObjectId,
    spec: NetworkSpec,
    existing: readonly NetworkRecord[],
  ): Promise<NetworkRecord> {
    return this.planner.plan(id, spec, existing);
  }

  async up(network: NetworkRecord, signal: AbortSignal): Promise<void> {
    if (!isBridged(network)) return;
    await this.locks.run(networksKey, signal, async () => {
      const known = this.live.get(network.id);
      if (known !== undefined && this.links.find(network.bridge)?.index === known.index) return;
      await known?.dns.close();
      await this.bringUp(network, known?.endpoints ?? new Map<ObjectId, LiveEndpoint>());
      await this.foreign.sync(this.bridges(), signal);
    });
  }

  private async bringUp(
    network: NetworkRecord,
    endpoints: Map<ObjectId, LiveEndpoint>,
  ): Promise<void> {
    const options = bridgeOptions(network.spec);
    await using scope = new Scope();
    const alias = bridgeAlias(this.instance, network.id);
    const isNew = this.links.find(network.bridge) === undefined;
    const index = this.links.makeBridge(network.bridge, bridgeMac(network), alias);
    // A bridge that an earlier daemon made may have live workloads on it.
    scope.defer(async () => {
      if (isNew) await this.links.remove(network.bridge);
    });
    await failpoint("network.up.bridge");
    this.settings.prepareBridge(network.bridge, network.spec.enableIpv6);
    this.links.configure(index, options.mtu);
    for (const pool of network.pools) {
      const gateway = parseAddress(pool.gateway);
      const subnet = parseSubnet(pool.subnet);
      if (gateway && subnet) this.links.addAddress(index, gateway, subnet.prefix);
    }
    if (!network.spec.internal) await this.settings.enableForwarding(network.spec.enableIpv6);
    const dns = this.dnsFor(network);
    scope.defer(() => dns.close());
    const listeners = await dns.open();
    const gateway = gatewaysOf(network)[0];
    const resolvers =
      gateway === undefined
        ? []
        : (["tcp", "udp"] as const).map((protocol) =>
            resolverElement(network.bridge, gateway, protocol, listeners[protocol]),
          );
    const elements = [...elementsOfNetwork(network, options), ...resolvers];
    await this.firewall.change({ add: elements });
    scope.defer(() => this.firewall.change({ remove: isNew ? elements : [] }));
    await failpoint("network.up.rules");
    scope.commit();
    this.live.set(network.id, { record: network, options, index, dns, elements, endpoints });
    for (const endpoint of endpoints.values()) addName(dns, endpoint.record);
  }

  private dnsFor(network: NetworkRecord): DnsServer {
    return new DnsServer({
      address: this.dnsServer(network),
      subnets: network.pools
        .map((pool) => parseSubnet(pool.subnet))
        .filter((one) => one !== undefined),
      names: new NameTable(network.spec.name, this.memberships),
      resolvesNames: !isDefaultBridge(network),
      forwarder: network.spec.internal ? undefined : this.forwarder,
      log: this.log,
    });
  }

  private bridges(): string[] {
    return [...this.live.values()].map((one) => one.record.bridge);
  }

  async down(network: NetworkRecord, signal: AbortSignal): Promise<void> {
    this.planner.forget(network.id);
    this.allocators.delete(network.id);
    if (!isBridged(network)) return;
    await this.locks.run(networksKey, signal, async () => {
      const known = this.live.get(network.id);
      this.live.delete(network.id);
      if (known !== undefined) {
        for (const endpoint of known.endpoints.values()) await this.plugs.drop(known, endpoint);
        await known.dns.close();
      }
      const found = this.links.find(network.bridge);
      if (found?.alias === bridgeAlias(this.instance, network.id)) {
        await this.links.remove(network.bridge);
      }
      await failpoint("network.down.bridge");
      await this.firewall.change({ remove: known?.elements ?? [] });
      await this.foreign.sync(this.bridges(), signal);
      if (this.live.size === 0 && this.firewall.exists()) await this.firewall.remove(signal);
    });
  }

  readonly endpointErrors = endpointErrors;

  reserve(network: NetworkRecord, endpoint: ObjectId, spec: EndpointSpec): AddressLease {
    return this.allocatorOf(network).reserve(endpoint, spec);
  }

  adopt(network: NetworkRecord, endpoint: EndpointRecord): void {
    this.allocatorOf(network).adopt(endpoint);
  }

  release(network: NetworkRecord, endpoint: ObjectId): void {
    this.allocators.get(network.id)?.release(endpoint);
  }

  private allocatorOf(network: NetworkRecord): AddressAllocator {
    const known = this.allocators.get(network.id);
    if (known !== undefined) return known;
    const made = new AddressAllocator(network);
    this.allocators.set(network.id, made);
    return made;
  }

  private liveOf(network: NetworkRecord): LiveNetwork {
    const live = this.live.get(network.id);
    if (live !== undefined) return live;
    throw new DuetError(
      "unavailable",
      "NETWORK_DOWN",
      `the network ${network.spec.name} is not up`,
      {
        subject: `network ${network.spec.name}`,
      },
    );
  }

  async connect(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    target: LinkTarget,
    interfaceName: string,
    signal: AbortSignal,
  ): Promise<InterfaceSetup> {
    if (!this.live.has(network.id)) await this.up(network, signal);
    return this.locks.run(endpoint.id, signal, () =>
      this.plugs.connect(this.liveOf(network), endpoint, target, interfaceName),
    );
  }

  async publish(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    bindings: readonly PortBinding[],
    signal: AbortSignal,
  ): Promise<readonly PublishedPort[]> {
    if (!isBridged(network) || network.spec.internal || bindings.length === 0) return [];
    return this.locks.run(endpoint.id, signal, () =>
      this.plugs.publish(this.liveOf(network), endpoint, bindings, signal),
    );
  }

  async disconnect(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    signal: AbortSignal,
  ): Promise<void> {
    if (!isBridged(network)) return;
    await this.locks.run(endpoint.id, signal, async () => {
      const live = this.live.get(network.id);
      const attached = live?.endpoints.get(endpoint.id);
      if (live !== undefined && attached !== undefined) await this.plugs.drop(live, attached);
      else await this.links.remove(hostDevice(endpoint));
    });
  }

  async restore(
    networks: readonly NetworkRecord[],
    live: readonly { readonly network: NetworkRecord; readonly endpoint: EndpointRecord }[],
    signal: AbortSignal,
  ): Promise<void> {
    this.firewall.pause();
    try {
      for (const network of networks) await this.up(network, signal);
      const links = this.links.list();
      const byAlias = new Map(links.map((one) => [one.alias, one]));
      for (const { network, endpoint } of live) {
        signal.throwIfAborted();
        if (isBridged(network)) await this.readopt(network, endpoint, byAlias, signal);
      }
      await this.sweep(links);
    } finally {
      await this.firewall.resume();
    }
    await this.locks.run(networksKey, signal, async () => {
      await this.foreign.sync(this.bridges(), signal);
      if (this.live.size === 0 && this.firewall.exists()) await this.firewall.remove(signal);
    });
  }

  private async readopt(
    network: NetworkRecord,
    endpoint: EndpointRecord,
    byAlias: ReadonlyMap<string, Link>,
    signal: AbortSignal,
  ): Promise<void> {
    const link = byAlias.get(this.plugs.aliasOf(endpoint.id));
    if (link === undefined) {
      this.log.warn("endpoint-device-gone", { network: network.spec.name, endpoint: endpoint.id });
      return;
    }
    this.allocatorOf(network).adopt(endpoint);
    await this.plugs.readopt(this.liveOf(network), endpoint, link, signal);
  }

  /** Removes devices with our tag that belong to nothing any more. */
  private async sweep(links: readonly Link[]): Promise<void> {
    const kept = new Set<string>();
    for (const live of this.live.values()) {
      kept.add(bridgeAlias(this.instance, live.record.id));
      for (const id of live.endpoints.keys()) kept.add(this.plugs.aliasOf(id));
    }
    const mine = links.filter((one) => one.alias.startsWith(`duet:${this.instance}:`));
    for (const link of mine.filter((one) => !kept.has(one.alias))) {
      this.log.info("stale-device-removed", { device: link.name });
      if (link.kind === "veth" || link.kind === "bridge") await this.links.remove(link.name);
      else this.links.release(link.name);
    }
  }

  dnsServer(network: NetworkRecord): string {
    const [gateway] = gatewaysOf(network);
    return gateway === undefined ? "" : formatAddress(gateway);
  }

  rename(network: NetworkRecord, endpoint: EndpointRecord): void {
    const live = this.live.get(network.id);
    if (live?.endpoints.has(endpoint.id)) addName(live.dns, endpoint);
  }

  async counters(
    network: NetworkRecord,
    endpoint: EndpointRecord,
  ): Promise<InterfaceCounters | undefined> {
    const attached = this.live.get(network.id)?.endpoints.get(endpoint.id);
    const link = attached === undefined ? undefined : this.links.find(attached.device);
    return link?.statistics === undefined ? undefined : readInterfaceCounters(link.statistics);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.foreign.close();
    this.firewall.close();
    for (const live of this.live.values()) {
      await live.dns.close();
      await Promise.all([...live.endpoints.values()].map((one) => closePorts(one.ports)));
    }
    this.links.close();
  }
}
