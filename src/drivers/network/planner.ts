import { randomBytes } from "node:crypto";
import type { ObjectId } from "../../domain/identity.ts";
import type { AddressPool, NetworkRecord, NetworkSpec } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import {
  contains,
  encloses,
  formatAddress,
  formatSubnet,
  overlaps,
  parseAddress,
  parseSubnet,
  sizeOf,
  subnetOf,
  type Subnet,
} from "./address.ts";
import type { Links } from "./links.ts";
import { bridgeOptions } from "./options.ts";

/** Docker's default address pools. */
export const defaultAddressPools: readonly { readonly base: string; readonly size: number }[] = [
  ...Array.from({ length: 15 }, (_, index) => ({ base: `172.${17 + index}.0.0/16`, size: 16 })),
  { base: "192.168.0.0/16", size: 20 },
];

/** Routes shorter than this stand for the whole world, as VPNs install them, and take no subnet. */
const shortestLocalPrefix = 4;

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

  /** Throws `conflict` SUBNET_OVERLAPS or DEVICE_IN_USE, `exhausted` NO_FREE_SUBNET, `invalid`. */
  plan(id: ObjectId, spec: NetworkSpec, existing: readonly NetworkRecord[]): NetworkRecord {
    if (spec.driver === "host" || spec.driver === "none" || spec.driver === "null") {
      return recordOf(id, spec, [], "");
    }
    if (spec.driver !== "bridge") {
      throw new DuetError(
        "not-found",
        "NETWORK_DRIVER",
        `could not find the network driver ${JSON.stringify(spec.driver)}`,
        {
          hint: "use bridge, host or none",
        },
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
      one.pools.map((pool) => ({ name: one.spec.name, subnet: parseSubnet(pool.subnet) })),
    );
    const asked = spec.pools.map((pool) => ({ pool, subnet: askedSubnet(pool) }));
    const families = [
      ...(spec.enableIpv4 ? [4 as const] : []),
      ...(spec.enableIpv6 ? [6 as const] : []),
    ];
    if (families.length === 0) {
      throw new DuetError(
        "invalid",
        "NETWORK_WITHOUT_ADDRESSES",
        "IPv4 and IPv6 cannot both be disabled",
      );
    }
    return families.map((family) => {
      const mine = asked.filter(({ pool, subnet }) => familyOf(pool, subnet) === family);
      if (mine.length > 1) {
        throw new DuetError(
          "invalid",
          "NETWORK_POOLS",
          `a bridge network takes one IPv${family} subnet`,
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
    taken: readonly { readonly name: string; readonly subnet: Subnet | undefined }[],
  ): void {
    const other = taken.find((one) => one.subnet !== undefined && overlaps(one.subnet, subnet));
    if (other !== undefined) {
      throw new DuetError(
        "conflict",
        "SUBNET_OVERLAPS",
        `Pool overlaps with other one on this address space: ${formatSubnet(subnet)} overlaps network ${other.name}`,
        { hint: "choose another subnet, or leave it out and get a free one", http: 403 },
      );
    }
    const inUse = this.links.addresses().find((one) => overlaps(one.subnet, subnet));
    if (inUse === undefined) return;
    throw new DuetError(
      "conflict",
      "SUBNET_OVERLAPS",
      `Pool overlaps with other one on this address space: ${formatSubnet(subnet)} overlaps the host's address ${formatAddress(inUse.address)}`,
      { hint: "choose a subnet that the host does not use", http: 403 },
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
      if (!taken.has(name) && !foreign.has(name)) return name;
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

function askedSubnet(pool: AddressPool): Subnet | undefined {
  if (pool.subnet === "") return undefined;
  const subnet = parseSubnet(pool.subnet);
  if (subnet !== undefined) return subnet;
  throw invalidPool(
    `invalid subnet ${JSON.stringify(pool.subnet.slice(0, 80))}: invalid CIDR block notation`,
  );
}

function familyOf(pool: AddressPool, subnet: Subnet | undefined): 4 | 6 {
  if (subnet !== undefined) return subnet.family;
  return parseAddress(pool.gateway)?.family ?? 4;
}

function invalidPool(message: string): DuetError {
  return new DuetError("invalid", "NETWORK_POOLS", message);
}

function completePool(subnet: Subnet, asked: AddressPool | undefined): AddressPool {
  const shown = formatSubnet(subnet);
  if (subnet.family === 4 && (subnet.prefix > 30 || subnet.prefix < 8)) {
    throw invalidPool(`invalid subnet ${shown}: it must have from 4 addresses up to 2^24`);
  }
  if (subnet.family === 6 && subnet.prefix > 126)
    throw invalidPool(`invalid subnet ${shown}: it has too few addresses`);
  const within = (what: string, text: string): string => {
    const address = parseAddress(text);
    if (address !== undefined && contains(subnet, address)) return formatAddress(address);
    throw invalidPool(
      `invalid ${what} ${JSON.stringify(text.slice(0, 80))}: it is not in the subnet ${shown}`,
    );
  };
  const range = asked?.range ? parseSubnet(asked.range) : undefined;
  if (asked?.range && (range === undefined || !encloses(subnet, range))) {
    throw invalidPool(
      `invalid range ${JSON.stringify(asked.range.slice(0, 80))}: it is not in the subnet ${shown}`,
    );
  }
  const first = formatAddress({ family: subnet.family, value: subnet.base + 1n });
  const gateway = asked?.gateway ? within("gateway", asked.gateway) : first;
  const isEnd = (text: string): boolean => {
    const value = parseAddress(text)?.value ?? 0n;
    return (
      value === subnet.base || (subnet.family === 4 && value === subnet.base + sizeOf(subnet) - 1n)
    );
  };
  if (isEnd(gateway))
    throw invalidPool(`invalid gateway ${gateway}: it names the subnet ${shown} itself`);
  const auxiliary = Object.entries(asked?.auxiliary ?? {}).map(([name, text]) => [
    name,
    within("auxiliary address", text),
  ]);
  return {
    subnet: shown,
    range: range === undefined ? "" : formatSubnet(range),
    gateway,
    auxiliary: Object.fromEntries(auxiliary),
  };
}

/** Unique local subnets with random global ids (RFC 4193). */
function* uniqueLocal(): Generator<Subnet> {
  for (let attempt = 0; attempt < 16; attempt += 1) {
    const value = (0xfdn << 120n) | (BigInt(`0x${randomBytes(5).toString("hex")}`) << 80n);
    yield subnetOf({ family: 6, value }, 64);
  }
}
