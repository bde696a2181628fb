import { randomBytes } from "node:crypto";
import type { ObjectId } from "../../domain/identity.ts";
import type { AddressPool, NetworkRecord, NetworkSpec } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import {
  formatAddress,
  formatSubnet,
  overlaps,
  parseAddress,
  parseSubnet,
  sizeOf,
  subnetOf,
  type Address,
  type Subnet,
} from "./address.ts";
import type { Links } from "./links.ts";
import { bridgeOptions } from "./options.ts";
import { checkPools } from "./pool-errors.ts";

/** Docker's default address pools. */
export const defaultAddressPools: readonly { readonly base: string; readonly size: number }[] = [
  ...Array.from({ length: 15 }, (_, index) => ({ base: `172.${17 + index}.0.0/16`, size: 16 })),
  { base: "192.168.0.0/16", size: 20 },
];

/** Routes shorter than this stand for the whole world, as VPNs install them, and take no subnet. */
const shortestLocalPrefix = 4;

/** Larger subnets than these take what is not theirs to take. */
const shortestPrefix = 8;

/** Chooses what a network gets of the host: subnets that nobody else has, a gateway, a bridge name. */
export class NetworkPlanner {
  private readonly links: Links;
  private readonly instance: string;
  private readonly pools: readonly { readonly base: string; readonly size: number }[];
  /** Planned in this process, perhaps not yet in the engine's store. */
  private readonly planned = new Map<ObjectId, NetworkRecord>();

  constructor(
    links: Links,
    instance: string,
    pools: readonly { readonly base: string; readonly size: number }[] = defaultAddressPools,
  ) {
    this.links = links;
    this.instance = instance;
    this.pools = pools;
  }

  /** Throws `denied` SUBNET_OVERLAPS or DEVICE_IN_USE, `conflict` DEVICE_IN_USE, `exhausted` NO_FREE_SUBNET, `invalid`. */
  plan(id: ObjectId, spec: NetworkSpec, existing: readonly NetworkRecord[]): NetworkRecord {
    if (spec.driver === "host" || spec.driver === "none" || spec.driver === "null") {
      return recordOf(id, spec, [], "");
    }
    if (spec.driver !== "bridge") {
      throw new DuetError(
        "not-found",
        "NETWORK_DRIVER",
        `plugin ${JSON.stringify(spec.driver.slice(0, 80))} not found`,
      );
    }
    const known = this.planned.get(id);
    if (known !== undefined) return known;
    const others = [...existing, ...this.planned.values()].filter((one) => one.id !== id);
    const pools = this.choosePools(spec, others);
    const record = recordOf(id, spec, pools, this.chooseBridge(id, spec, others));
    this.planned.set(id, record);
    return record;
  }

  forget(id: ObjectId): void {
    this.planned.delete(id);
  }

  private choosePools(spec: NetworkSpec, others: readonly NetworkRecord[]): AddressPool[] {
    const taken = others.flatMap((one) =>
      one.pools.map((pool) => ({ subnet: parseSubnet(pool.subnet) })),
    );
    const families = [
      ...(spec.enableIpv4 ? [4 as const] : []),
      ...(spec.enableIpv6 ? [6 as const] : []),
    ];
    if (families.length === 0) {
      throw new DuetError("invalid", "NETWORK_WITHOUT_ADDRESSES", "IPv4 or IPv6 must be enabled");
    }
    checkPools(spec.pools, spec.enableIpv6);
    const asked = spec.pools.map((pool) => ({ pool, subnet: parseSubnet(pool.subnet) }));
    return families.map((family) => {
      const mine = asked.filter(({ subnet }) => subnet?.family === family);
      if (mine.length > 1) {
        throw new DuetError(
          "denied",
          "NETWORK_POOLS",
          "bridge driver doesn't support multiple subnets",
        );
      }
      const [first] = mine;
      const subnet = first?.subnet ?? this.freeSubnet(family, taken);
      const completed = completePool(subnet, first?.pool);
      if (first?.subnet !== undefined) this.checkFree(first.subnet, taken);
      return completed;
    });
  }

  private checkFree(
    subnet: Subnet,
    taken: readonly { readonly subnet: Subnet | undefined }[],
  ): void {
    const isTaken =
      taken.some((one) => one.subnet !== undefined && overlaps(one.subnet, subnet)) ||
      this.links.addresses().some((one) => overlaps(one.subnet, subnet));
    if (!isTaken) return;
    throw new DuetError(
      "denied",
      "SUBNET_OVERLAPS",
      "invalid pool request: Pool overlaps with other one on this address space",
    );
  }

  private freeSubnet(
    family: 4 | 6,
    taken: readonly { readonly subnet: Subnet | undefined }[],
  ): Subnet {
    const busy = [
      ...taken.flatMap((one) => (one.subnet === undefined ? [] : [one.subnet])),
      ...this.links.addresses().map((one) => one.subnet),
      ...this.links
        .routes()
        .map((one) => one.subnet)
        .filter((one) => one.prefix >= shortestLocalPrefix),
    ];
    const candidates = family === 4 ? this.candidates() : uniqueLocal();
    for (const candidate of candidates) {
      if (!busy.some((one) => overlaps(one, candidate))) return candidate;
    }
    throw new DuetError(
      "exhausted",
      "NO_FREE_SUBNET",
      "all predefined address pools have been fully subnetted or overlap the host's routes",
      { hint: "remove unused networks, or name a subnet" },
    );
  }

  private *candidates(): Generator<Subnet> {
    for (const pool of this.pools) {
      const base = parseSubnet(pool.base);
      if (base === undefined || base.family !== 4) continue;
      const count = 1n << BigInt(pool.size - base.prefix);
      const step = 1n << BigInt(32 - pool.size);
      for (let index = 0n; index < count; index += 1n) {
        yield subnetOf({ family: 4, value: base.base + index * step }, pool.size);
      }
    }
  }

  private chooseBridge(id: ObjectId, spec: NetworkSpec, others: readonly NetworkRecord[]): string {
    const taken = new Set(others.map((one) => one.bridge));
    const foreign = new Set(
      this.links
        .list()
        .filter((one) => one.alias !== bridgeAlias(this.instance, id))
        .map((one) => one.name),
    );
    const { name } = bridgeOptions(spec);
    if (name !== "") {
      const other = others.find((one) => one.bridge === name);
      if (other !== undefined) {
        throw new DuetError(
          "denied",
          "DEVICE_IN_USE",
          `cannot create network ${id} (${name}): conflicts with network ${other.id} (${name}): networks have same bridge name`,
        );
      }
      if (!foreign.has(name)) return name;
      throw new DuetError(
        "conflict",
        "DEVICE_IN_USE",
        `a network device of the name ${name} exists already`,
        { http: 403 },
      );
    }
    const stem = isDefaultInstance(this.instance) ? "duet" : `dt${this.instance}-`;
    for (let number = 0; ; number += 1) {
      const candidate = `${stem}${number}`;
      if (!taken.has(candidate) && !foreign.has(candidate)) return candidate;
    }
  }
}

/** The owner tag on a bridge: what restore recognises it by. */
export function bridgeAlias(instance: string, network: ObjectId): string {
  return `duet:${instance}:network:${network}`;
}

export function isDefaultInstance(instance: string): boolean {
  return instance === "duet" || instance === "default";
}

function recordOf(
  id: ObjectId,
  spec: NetworkSpec,
  pools: readonly AddressPool[],
  bridge: string,
): NetworkRecord {
  return { id, spec, pools, bridge, createdAt: Date.now(), predefined: false };
}

function completePool(subnet: Subnet, asked: AddressPool | undefined): AddressPool {
  const shown = formatSubnet(subnet);
  if (subnet.family === 4 && subnet.prefix < shortestPrefix) {
    throw invalidPool(`invalid subnet ${shown}: it has more than 2^24 addresses`);
  }
  const range = asked?.range ? parseSubnet(asked.range) : undefined;
  const gateway = parseAddress(asked?.gateway ?? "") ?? firstAddress(range ?? subnet, subnet);
  const last = subnet.base + sizeOf(subnet) - 1n;
  const isEnd =
    sizeOf(subnet) > 2n &&
    (gateway.value === subnet.base || (subnet.family === 4 && gateway.value === last));
  if (isEnd) {
    throw invalidPool(
      `invalid gateway ${formatAddress(gateway)}: it names the subnet ${shown} itself`,
    );
  }
  const auxiliary = Object.entries(asked?.auxiliary ?? {}).map(([name, text]) => [
    name,
    formatAddress(parseAddress(text) ?? gateway),
  ]);
  return {
    subnet: shown,
    range: range === undefined ? "" : formatSubnet(range),
    gateway: formatAddress(gateway),
    auxiliary: Object.fromEntries(auxiliary),
  };
}

function invalidPool(message: string): DuetError {
  return new DuetError("invalid", "NETWORK_POOLS", message);
}

/** The lowest that may be given: a subnet's own lowest names the subnet, where it has more than two. */
function firstAddress(range: Subnet, subnet: Subnet): Address {
  const isName = sizeOf(subnet) > 2n && range.base === subnet.base;
  return { family: subnet.family, value: isName ? range.base + 1n : range.base };
}

/** Unique local subnets with random global ids (RFC 4193). */
function* uniqueLocal(): Generator<Subnet> {
  for (let attempt = 0; attempt < 16; attempt += 1) {
    const value = (0xfdn << 120n) | (BigInt(`0x${randomBytes(5).toString("hex")}`) << 80n);
    yield subnetOf({ family: 6, value }, 64);
  }
}
