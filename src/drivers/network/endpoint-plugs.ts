import type { ObjectId } from "../../domain/identity.ts";
import type {
  EndpointRecord,
  InterfaceSetup,
  LinkTarget,
  PortBinding,
  PublishedPort,
} from "../../domain/network.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Log } from "../../kit/log.ts";
import { Scope } from "../../kit/scope.ts";
import { parseAddress } from "./address.ts";
import { forgetFlows } from "./conntrack.ts";
import type { DnsServer } from "./dns/server.ts";
import type { Element } from "./elements.ts";
import type { Firewall } from "./firewall.ts";
import type { HostSettings } from "./host-settings.ts";
import type { Link, Links } from "./links.ts";
import {
  addressesOf,
  elementsOfEndpoint,
  hostDevice,
  macOf,
  peerDevice,
  setupOf,
  type LiveEndpoint,
  type LiveNetwork,
} from "./live-network.ts";
import { elementOf, type OpenPort, type PortBook } from "./ports.ts";

export interface EndpointPlugsOptions {
  readonly instance: string;
  readonly log: Log;
  readonly links: Links;
  readonly firewall: Firewall;
  readonly settings: HostSettings;
  readonly ports: PortBook;
}

/** Puts endpoints on networks that are up and takes them off. The caller holds the endpoint's lock. */
export class EndpointPlugs {
  private readonly instance: string;
  private readonly log: Log;
  private readonly links: Links;
  private readonly firewall: Firewall;
  private readonly settings: HostSettings;
  private readonly ports: PortBook;

  constructor(options: EndpointPlugsOptions) {
    this.instance = options.instance;
    this.log = options.log;
    this.links = options.links;
    this.firewall = options.firewall;
    this.settings = options.settings;
    this.ports = options.ports;
  }

  async connect(
    live: LiveNetwork,
    endpoint: EndpointRecord,
    target: LinkTarget,
    interfaceName: string,
  ): Promise<InterfaceSetup> {
    const known = live.endpoints.get(endpoint.id);
    if (known !== undefined) await this.drop(live, known);
    const device = target.kind === "tap" ? target.device : hostDevice(endpoint);
    const elements = elementsOfEndpoint(live.record, endpoint, device);
    await using scope = new Scope();
    // The rules come first: a port never carries a frame that they do not know.
    await this.firewall.change({ add: elements });
    scope.defer(() => this.firewall.change({ remove: elements }));
    await failpoint("network.connect.rules");
    await this.plug(live, endpoint, target, device);
    scope.commit();
    const { kind } = target;
    live.endpoints.set(endpoint.id, { record: endpoint, kind, device, elements, ports: [] });
    addName(live.dns, endpoint);
    await failpoint("network.connect.device");
    return setupOf(live, endpoint, kind === "tap" ? "" : peerDevice(endpoint), interfaceName);
  }

  private async plug(
    live: LiveNetwork,
    endpoint: EndpointRecord,
    target: LinkTarget,
    device: string,
  ): Promise<void> {
    const alias = this.aliasOf(endpoint.id);
    if (target.kind === "tap") {
      this.links.enslave(device, live.index, alias);
    } else {
      const make = (): Promise<void> =>
        this.links.makeVeth({
          name: device,
          peer: peerDevice(endpoint),
          mac: macOf(endpoint),
          mtu: live.options.mtu,
          pid: target.pid,
          bridge: live.index,
          alias,
        });
      try {
        await make();
      } catch (error) {
        if (!isDuetError(error) || error.code !== "EEXIST") throw error;
        await this.links.remove(device);
        await make();
      }
    }
    this.isolate(live, device);
  }

  private isolate(live: LiveNetwork, device: string): void {
    if (live.options.interContainer) return;
    this.links.setPort(this.links.indexOf(device), { isolated: true });
  }

  /** The owner tag on an endpoint's device: what restore recognises it by. */
  aliasOf(endpoint: ObjectId): string {
    return `duet:${this.instance}:endpoint:${endpoint}`;
  }

  /** Opens ports and leads them to the endpoint, all or none. */
  async publish(
    live: LiveNetwork,
    endpoint: EndpointRecord,
    bindings: readonly PortBinding[],
    signal: AbortSignal,
  ): Promise<readonly PublishedPort[]> {
    const attached = live.endpoints.get(endpoint.id);
    if (attached === undefined) {
      throw new DuetError(
        "conflict",
        "NOT_CONNECTED",
        `cannot publish ports: the endpoint ${endpoint.id} is not connected`,
      );
    }
    await using scope = new Scope();
    const open = await this.ports.open(endpoint, bindings, live.options.hostBinding, signal);
    scope.defer(() => closePorts(open));
    await failpoint("network.publish.ports");
    this.preparePort(live, attached.device, open);
    await this.firewall.change({ add: elementsOf(open) });
    scope.defer(() => this.firewall.change({ remove: elementsOf(open) }));
    await failpoint("network.publish.rules");
    scope.commit();
    attached.ports = [...attached.ports, ...open];
    await this.forgetUdp(open);
    return open.map((one) => one.published);
  }

  private preparePort(live: LiveNetwork, device: string, open: readonly OpenPort[]): void {
    const loopback = open.some(({ published }) =>
      /^(0\.0\.0\.0|127\..*)$/.test(published.hostAddress),
    );
    if (loopback) this.settings.routeLoopback(live.record.bridge);
    // With br_netfilter a workload's way to its own published port stays within the bridge.
    if (this.settings.bridgesFilter()) {
      this.links.setPort(this.links.indexOf(device), { hairpin: true });
    }
  }

  /** A UDP conversation that is under way would go on past the new rules. */
  private async forgetUdp(ports: readonly OpenPort[]): Promise<void> {
    const numbers = ports
      .filter((one) => one.published.protocol === "udp" && one.element !== undefined)
      .map((one) => one.published.hostPort);
    if (numbers.length > 0) forgetFlows(new Set(numbers));
  }

  /** Takes an endpoint off its network: device, names, rules and ports. */
  async drop(live: LiveNetwork, endpoint: LiveEndpoint): Promise<void> {
    live.endpoints.delete(endpoint.record.id);
    live.dns.names.remove(endpoint.record.id);
    const { ports, device } = endpoint;
    if (endpoint.kind === "tap") this.links.release(device);
    else await this.links.remove(device);
    await failpoint("network.disconnect.device");
    await this.firewall.change({ remove: [...elementsOf(ports), ...endpoint.elements] });
    await failpoint("network.disconnect.rules");
    await closePorts(ports);
    await this.forgetUdp(ports);
  }

  /** Takes over an endpoint that an earlier daemon connected. */
  async readopt(
    live: LiveNetwork,
    endpoint: EndpointRecord,
    link: Link,
    signal: AbortSignal,
  ): Promise<void> {
    const known = live.endpoints.get(endpoint.id);
    const device = link.name;
    if (link.master !== live.index) this.links.enslave(device, live.index, link.alias);
    this.isolate(live, device);
    const elements = elementsOfEndpoint(live.record, endpoint, device);
    const ports = known?.ports ?? (await this.reopen(live, endpoint, signal));
    await this.firewall.change({ add: [...elements, ...elementsOf(ports)] });
    const kind = link.kind === "veth" ? "netns" : "tap";
    live.endpoints.set(endpoint.id, { record: endpoint, kind, device, elements, ports });
    this.preparePort(live, device, ports);
    addName(live.dns, endpoint);
  }

  /** Opens recorded ports again. One that cannot be held goes on being served by the kernel. */
  private async reopen(
    live: LiveNetwork,
    endpoint: EndpointRecord,
    signal: AbortSignal,
  ): Promise<readonly OpenPort[]> {
    const open: OpenPort[] = [];
    for (const published of endpoint.ports) {
      const { hostPort } = published;
      try {
        const binding = { ...published, hostPortEnd: hostPort };
        open.push(
          ...(await this.ports.open(endpoint, [binding], live.options.hostBinding, signal)),
        );
      } catch (error) {
        signal.throwIfAborted();
        this.log.warn("port-not-held", { endpoint: endpoint.id, port: hostPort, error });
        const host = parseAddress(published.hostAddress) ?? { family: 4, value: 0n };
        const element = elementOf(endpoint, published, host);
        open.push({ published, element, close: async () => undefined });
      }
    }
    return open;
  }
}

/** Makes the network's DNS server answer the endpoint's names. */
export function addName(dns: DnsServer, endpoint: EndpointRecord): void {
  dns.add({
    id: endpoint.id,
    names: endpoint.dnsNames,
    addresses: addressesOf(endpoint),
    links: endpoint.spec.links,
    container: endpoint.container ?? endpoint.id,
    nameservers: endpoint.nameservers ?? [],
  });
}

function elementsOf(ports: readonly OpenPort[]): Element[] {
  return ports.map((one) => one.element).filter((one) => one !== undefined);
}

export async function closePorts(ports: readonly OpenPort[]): Promise<void> {
  await Promise.all(ports.map((one) => one.close()));
}
