import type { AddressPool } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import {
  contains,
  encloses,
  formatSubnet,
  parseAddress,
  parseSubnet,
  type Subnet,
} from "./address.ts";

const longestShown = 80;

/** Refuses pools in Docker's words (api/types/network, ValidateIPAM). Throws `invalid` NETWORK_POOLS. */
export function checkPools(pools: readonly AddressPool[], enableIpv6: boolean): void {
  const errors = pools.flatMap((pool) => poolErrors(pool, enableIpv6));
  if (errors.length === 0) return;
  const list = errors.length === 1 ? errors : errors.map((error) => `* ${error}`);
  throw new DuetError("invalid", "NETWORK_POOLS", `invalid network config:\n${list.join("\n")}`);
}

function poolErrors(pool: AddressPool, enableIpv6: boolean): string[] {
  const subnet = parseSubnet(pool.subnet);
  if (subnet === undefined) {
    return [`invalid subnet ${shown(pool.subnet)}: invalid CIDR block notation`];
  }
  if (subnet.family === 6 && !enableIpv6) return [];
  const auxiliary = Object.entries(pool.auxiliary).map(([name, address]) =>
    addressError(`auxiliary address ${shown(name)}`, address, subnet),
  );
  return [
    ...maskError("subnet", pool.subnet, subnet),
    ...rangeErrors(pool.range, subnet),
    ...addressError(`gateway ${shown(pool.gateway)}`, pool.gateway, subnet),
    ...auxiliary.flat(),
  ];
}

function shown(text: string): string {
  return text.slice(0, longestShown);
}

function familyWord(family: 4 | 6): string {
  return `IPv${family}`;
}

function maskError(what: string, text: string, subnet: Subnet): string[] {
  const [address = ""] = text.split("/");
  if (parseAddress(address)?.value === subnet.base) return [];
  return [`invalid ${what} ${shown(text)}: it should be ${formatSubnet(subnet)}`];
}

function rangeErrors(text: string, subnet: Subnet): string[] {
  if (text === "") return [];
  const range = parseSubnet(text);
  const say = (why: string): string[] => [`invalid ip-range ${shown(text)}: ${why}`];
  if (range === undefined) return say("invalid CIDR block notation");
  if (range.family !== subnet.family) {
    return say(`parent subnet is an ${familyWord(subnet.family)} block`);
  }
  const bigger =
    range.prefix < subnet.prefix
      ? say(`CIDR block is bigger than its parent subnet ${formatSubnet(subnet)}`)
      : [];
  const outside =
    encloses(subnet, range) || encloses(range, subnet)
      ? []
      : say(`parent subnet ${formatSubnet(subnet)} doesn't contain ip-range`);
  return [...bigger, ...maskError("ip-range", text, range), ...outside];
}

function addressError(what: string, text: string, subnet: Subnet): string[] {
  if (text === "") return [];
  const address = parseAddress(text);
  if (address === undefined) return [`invalid ${what}: invalid address`];
  if (address.family !== subnet.family) {
    return [`invalid ${what}: parent subnet is an ${familyWord(subnet.family)} block`];
  }
  if (contains(subnet, address)) return [];
  return [`invalid ${what}: parent subnet ${formatSubnet(subnet)} doesn't contain this address`];
}
