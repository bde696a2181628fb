import { randomBytes } from "node:crypto";
import type { ObjectId } from "../../domain/identity.ts";
import type {
  AddressLease,
  EndpointRecord,
  EndpointSpec,
  NetworkRecord,
} from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import {
  bytesOfAddress,
  contains,
  formatAddress,
  formatMac,
  parseAddress,
  parseMac,
  parseSubnet,
  sizeOf,
  type Address,
  type Subnet,
} from "./address.ts";

/** The addresses of one subnet: which are taken, and where to look for the next free one. */
interface Pool {
  readonly subnet: Subnet;
  readonly gateway: Address;
  /** Where free ones are looked for. */
  readonly first: bigint;
  readonly last: bigint;
  readonly taken: Map<bigint, ObjectId>;
  next: bigint;
}

interface Taken {
  readonly lease: AddressLease;
  readonly values: readonly { readonly pool: Pool; readonly value: bigint }[];
}

/** Stands for what is no endpoint's: network, broadcast, gateway and auxiliary addresses. */
const reserved: ObjectId = "";

/**
 * Gives addresses of one network to endpoints, in rising order so that an address just given up is
 * not given at once to another. In memory: the records are kept by the engine.
 */
export class AddressAllocator {
  private readonly network: NetworkRecord;
  private readonly pools: readonly Pool[];
  private readonly endpoints = new Map<ObjectId, Taken>();
  private readonly macs = new Map<string, ObjectId>();

  constructor(network: NetworkRecord) {
    this.network = network;
    this.pools = network.pools.map((pool) =>
      poolOf(pool.subnet, pool.range, pool.gateway, pool.auxiliary),
    );
  }

  /** Throws `exhausted` POOL_EMPTY, `denied` ADDRESS_IN_USE or `invalid`. The same lease for an endpoint that has one. */
  reserve(endpoint: ObjectId, spec: EndpointSpec): AddressLease {
    const known = this.endpoints.get(endpoint);
    if (known !== undefined) return known.lease;
    const ipv4 = this.choose(4, spec.ipv4);
    const ipv6 = this.choose(6, spec.ipv6);
    const mac = this.chooseMac(spec.mac, ipv4?.value);
    return this.take(endpoint, ipv4, ipv6, mac);
  }

  /** Takes an endpoint's recorded addresses; those that another one holds by now stay with it. */
  adopt(endpoint: EndpointRecord): void {
    if (this.endpoints.has(endpoint.id)) return;
    const held = (text: string): { pool: Pool; value: bigint } | undefined => {
      const address = parseAddress(text);
      const pool = address && this.pools.find((one) => contains(one.subnet, address));
      if (address === undefined || pool === undefined) return undefined;
      return pool.taken.has(address.value) ? undefined : { pool, value: address.value };
    };
    const mac = parseMac(endpoint.mac);
    if (mac === undefined) return;
    this.take(endpoint.id, held(endpoint.ipv4), held(endpoint.ipv6), formatMac(mac));
  }

  release(endpoint: ObjectId): void {
    const known = this.endpoints.get(endpoint);
    if (known === undefined) return;
    this.endpoints.delete(endpoint);
    if (this.macs.get(known.lease.mac) === endpoint) this.macs.delete(known.lease.mac);
    for (const { pool, value } of known.values) pool.taken.delete(value);
  }

  private take(
    endpoint: ObjectId,
    ipv4: { pool: Pool; value: bigint } | undefined,
    ipv6: { pool: Pool; value: bigint } | undefined,
    mac: string,
  ): AddressLease {
    const values = [ipv4, ipv6].filter((one) => one !== undefined);
    for (const { pool, value } of values) pool.taken.set(value, endpoint);
    const { internal } = this.network.spec;
    const sides = { ...leaseOf("ipv4", ipv4, internal), ...leaseOf("ipv6", ipv6, internal) };
    const lease = { ...sides, mac } as AddressLease;
    this.endpoints.set(endpoint, { lease, values });
    this.macs.set(mac, endpoint);
    return lease;
  }

  private choose(family: 4 | 6, asked: string): { pool: Pool; value: bigint } | undefined {
    const pools = this.pools.filter((pool) => pool.subnet.family === family);
    if (asked !== "") return this.chooseStatic(family, asked, pools);
    if (pools.length === 0) return undefined;
    for (const pool of pools) {
      const value = nextFree(pool);
      if (value !== undefined) return { pool, value };
    }
    throw new DuetError(
      "exhausted",
      "POOL_EMPTY",
      `no available IPv${family} addresses on this network's address pools: ${this.network.spec.name} (${this.network.id})`,
      { subject: `network ${this.network.spec.name}`, http: 500 },
    );
  }

  private chooseStatic(
    family: 4 | 6,
    asked: string,
    pools: readonly Pool[],
  ): { pool: Pool; value: bigint } {
    const address = parseAddress(asked);
    const name = this.network.spec.name;
    if (address === undefined || address.family !== family) {
      throw new DuetError(
        "invalid",
        "ADDRESS_INVALID",
        `invalid IPv${family} address: ${JSON.stringify(asked)}`,
      );
    }
    const pool = pools.find((one) => contains(one.subnet, address));
    if (pool === undefined) {
      throw new DuetError(
        "invalid",
        "ADDRESS_OUTSIDE_NETWORK",
        `no configured subnet or ip-range contain the IP address ${formatAddress(address)}`,
        { subject: `network ${name}` },
      );
    }
    const holder = pool.taken.get(address.value);
    if (holder === undefined) return { pool, value: address.value };
    throw new DuetError("denied", "ADDRESS_IN_USE", "Address already in use", {
      subject: `address ${formatAddress(address)} in network ${name}`,
    });
  }

  private chooseMac(asked: string, ipv4: bigint | undefined): string {
    if (asked !== "") {
      const bytes = parseMac(asked);
      if (bytes === undefined) {
        throw new DuetError(
          "invalid",
          "MAC_INVALID",
          `invalid MAC address: ${JSON.stringify(asked.slice(0, 80))}`,
        );
      }
      const mac = formatMac(bytes);
      if (!this.macs.has(mac)) return mac;
      throw new DuetError(
        "conflict",
        "ADDRESS_IN_USE",
        `MAC address ${mac} is in use in network ${this.network.spec.name}`,
      );
    }
    const own = ipv4 === undefined ? randomBytes(4) : bytesOfAddress({ family: 4, value: ipv4 });
    const mac = formatMac(Buffer.of(0x02, 0x42, ...own));
    return this.macs.has(mac) ? this.chooseMac("", undefined) : mac;
  }
}

function leaseOf(
  name: "ipv4" | "ipv6",
  chosen: { pool: Pool; value: bigint } | undefined,
  internal: boolean,
): Record<string, string | number> {
  const family = name === "ipv4" ? 4 : 6;
  return {
    [name]: chosen === undefined ? "" : formatAddress({ family, value: chosen.value }),
    [`${name}PrefixLength`]: chosen?.pool.subnet.prefix ?? 0,
    // An internal network leads nowhere.
    [`${name}Gateway`]: chosen === undefined || internal ? "" : formatAddress(chosen.pool.gateway),
  };
}

function poolOf(
  subnetText: string,
  rangeText: string,
  gatewayText: string,
  auxiliary: Readonly<Record<string, string>>,
): Pool {
  const subnet = parseSubnet(subnetText);
  const gateway = parseAddress(gatewayText);
  if (subnet === undefined || gateway === undefined) {
    throw new DuetError(
      "corrupt",
      "NETWORK_RECORD",
      `cannot read the subnet ${subnetText} with gateway ${gatewayText}`,
    );
  }
  const range = rangeText === "" ? subnet : (parseSubnet(rangeText) ?? subnet);
  const taken = new Map<bigint, ObjectId>();
  const end = subnet.base + sizeOf(subnet) - 1n;
  if (sizeOf(subnet) > 2n) {
    taken.set(subnet.base, reserved);
    if (subnet.family === 4) taken.set(end, reserved);
  }
  taken.set(gateway.value, reserved);
  for (const text of Object.values(auxiliary)) {
    const address = parseAddress(text);
    if (address !== undefined && contains(subnet, address)) taken.set(address.value, reserved);
  }
  return {
    subnet,
    gateway,
    first: range.base,
    last: range.base + sizeOf(range) - 1n,
    taken,
    next: range.base,
  };
}

function nextFree(pool: Pool): bigint | undefined {
  const { first, last, taken } = pool;
  const size = last - first + 1n;
  const tries = size < BigInt(taken.size + 1) ? size : BigInt(taken.size + 1);
  for (let step = 0n; step < tries; step += 1n) {
    const value = first + ((pool.next - first + step) % size);
    if (taken.has(value)) continue;
    pool.next = value + 1n > last ? first : value + 1n;
    return value;
  }
  return undefined;
}
