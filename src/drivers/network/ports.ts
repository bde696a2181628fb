import { randomInt } from "node:crypto";
import type { EndpointRecord, PortBinding, PublishedPort } from "../../domain/network.ts";
import { DuetError, errnoOf, isDuetError } from "../../kit/errors.ts";
import { Scope } from "../../kit/scope.ts";
import { formatAddress, parseAddress, type Address } from "./address.ts";
import { portElement, type Element } from "./elements.ts";
import { openTcpProxy, openUdpProxy } from "./proxy.ts";
import { portError, reservePort } from "./reservation.ts";

/** Where free ports are taken from, Linux's default range for them (ip_local_port_range). */
const firstFreePort = 32_768;
const lastFreePort = 60_999;
const everywhere4 = "0.0.0.0";
const everywhere6 = "::";

/** One published port of one address of the host. */
export interface OpenPort {
  readonly published: PublishedPort;
  /** What leads to it in the kernel; none where only the proxy does. */
  readonly element: Element | undefined;
  close(): Promise<void>;
}

interface Wish {
  readonly binding: PortBinding;
  /** Addresses of the host that must all get the same port. */
  readonly hosts: readonly { readonly text: string; readonly optional: boolean }[];
}

/** Opens and holds the host's ports of endpoints; the rules are put in by the caller. */
export class PortBook {
  private readonly hasIpv6: boolean;
  /** SCTP has no socket to hold a port with: clashes between our own are seen here. */
  private readonly sctp = new Set<string>();

  constructor(hasIpv6: boolean) {
    this.hasIpv6 = hasIpv6;
  }

  /** Opens all bindings or none. Throws `conflict` PORT_IN_USE, `invalid`, `exhausted`. */
  async open(
    endpoint: EndpointRecord,
    bindings: readonly PortBinding[],
    hostBinding: string,
    signal: AbortSignal,
  ): Promise<readonly OpenPort[]> {
    const open: OpenPort[] = [];
    await using scope = new Scope();
    scope.defer(async () => {
      await Promise.all(open.map((one) => one.close()));
    });
    for (const binding of bindings) {
      signal.throwIfAborted();
      open.push(...(await this.openBinding(endpoint, this.wishOf(endpoint, binding, hostBinding))));
    }
    scope.commit();
    return open;
  }

  private wishOf(endpoint: EndpointRecord, binding: PortBinding, hostBinding: string): Wish {
    checkPorts(binding);
    const asked = binding.hostAddress === "" ? hostBinding : binding.hostAddress;
    if (asked !== "")
      return { binding, hosts: [{ text: this.checkHost(endpoint, asked), optional: false }] };
    const four = endpoint.ipv4 === "" ? [] : [{ text: everywhere4, optional: false }];
    const withSix = this.hasIpv6 && binding.protocol !== "sctp";
    const six = withSix ? [{ text: everywhere6, optional: four.length > 0 }] : [];
    return { binding, hosts: [...four, ...six] };
  }

  private checkHost(endpoint: EndpointRecord, text: string): string {
    const address = parseAddress(text.replace(/^\[(.*)\]$/, "$1"));
    if (address === undefined) {
      throw new DuetError(
        "invalid",
        "HOST_ADDRESS",
        `invalid IP address: ${JSON.stringify(text.slice(0, 80))}`,
      );
    }
    if (address.family === 4 && endpoint.ipv4 === "") {
      throw new DuetError(
        "invalid",
        "HOST_ADDRESS",
        `cannot publish on ${text}: the container has no IPv4 address`,
      );
    }
    return formatAddress(address);
  }

  private async openBinding(endpoint: EndpointRecord, wish: Wish): Promise<readonly OpenPort[]> {
    const candidates = [...candidatePorts(wish.binding)];
    for (const [index, port] of candidates.entries()) {
      try {
        return await this.openPort(endpoint, wish, port);
      } catch (error) {
        const isOnly = index === 0 && candidates.length === 1;
        if (isOnly || !isDuetError(error, "conflict")) throw error;
      }
    }
    throw new DuetError("exhausted", "NO_FREE_PORT", "all ports are allocated", {
      hint: "choose another range of host ports",
      http: 500,
    });
  }

  private async openPort(
    endpoint: EndpointRecord,
    wish: Wish,
    port: number,
  ): Promise<readonly OpenPort[]> {
    const open: OpenPort[] = [];
    await using scope = new Scope();
    scope.defer(async () => {
      await Promise.all(open.map((one) => one.close()));
    });
    for (const { text, optional } of wish.hosts) {
      try {
        open.push(await this.openOne(endpoint, wish.binding, text, port));
      } catch (error) {
        if (!optional || !isDuetError(error, "unavailable")) throw error;
      }
    }
    scope.commit();
    return open;
  }

  private async openOne(
    endpoint: EndpointRecord,
    binding: PortBinding,
    hostText: string,
    hostPort: number,
  ): Promise<OpenPort> {
    const host = parseAddress(hostText) ?? { family: 4, value: 0n };
    const { protocol, containerPort } = binding;
    const published = { protocol, containerPort, hostAddress: hostText, hostPort };
    const element = elementOf(endpoint, published, host);
    const hold = await this.hold(endpoint, published, host);
    return { published, element, close: hold };
  }

  private async hold(
    endpoint: EndpointRecord,
    published: PublishedPort,
    host: Address,
  ): Promise<() => Promise<void>> {
    const { protocol, hostPort, containerPort, hostAddress } = published;
    if (protocol === "sctp") return this.holdSctp(`${hostAddress} ${hostPort}`);
    if (host.family === 4) {
      const reserved = reservePort(protocol, host, hostPort);
      return async () => reserved.close();
    }
    const target = {
      host: endpoint.ipv6 === "" ? endpoint.ipv4 : endpoint.ipv6,
      port: containerPort,
    };
    const open = protocol === "tcp" ? openTcpProxy : openUdpProxy;
    try {
      const proxy = await open(hostAddress, hostPort, target);
      return () => proxy.close();
    } catch (error) {
      throw portError(errnoOf(error), protocol, `[${hostAddress}]:${hostPort}`);
    }
  }

  private holdSctp(key: string): () => Promise<void> {
    if (this.sctp.has(key)) throw portError("EADDRINUSE", "sctp", key.replace(" ", ":"));
    this.sctp.add(key);
    return async () => {
      this.sctp.delete(key);
    };
  }
}

/** The way to a published port in the kernel, which keeps the client's address. */
export function elementOf(
  endpoint: EndpointRecord,
  published: PublishedPort,
  host: Address,
): Element | undefined {
  const target = parseAddress(host.family === 4 ? endpoint.ipv4 : endpoint.ipv6);
  const isLoopback6 = host.family === 6 && host.value === 1n;
  if (target === undefined || isLoopback6) return undefined;
  const { protocol, hostPort, containerPort } = published;
  const address = host.value === 0n ? undefined : host;
  return portElement(protocol, address, hostPort, target, containerPort);
}

function checkPorts(binding: PortBinding): void {
  const { containerPort, hostPort, hostPortEnd } = binding;
  const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 65_535;
  const valid =
    isPort(containerPort) && containerPort > 0 && isPort(hostPort) && isPort(hostPortEnd);
  if (valid && (hostPort === 0 || hostPortEnd === 0 || hostPortEnd >= hostPort)) return;
  throw new DuetError(
    "invalid",
    "PORT_INVALID",
    `invalid port specification: ${hostPort}-${hostPortEnd}:${containerPort}`,
    {
      hint: "use ports from 1 to 65535",
    },
  );
}

function* candidatePorts(binding: PortBinding): Generator<number> {
  const { hostPort, hostPortEnd } = binding;
  if (hostPort !== 0) {
    for (let port = hostPort; port <= Math.max(hostPort, hostPortEnd); port += 1) yield port;
    return;
  }
  const count = lastFreePort - firstFreePort + 1;
  const start = randomInt(count);
  for (let step = 0; step < count; step += 1) yield firstFreePort + ((start + step) % count);
}
