import { isIPv4, isIPv6 } from "node:net";

/** An IP address as a number of 32 or 128 bits. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** Addresses that share their first `prefix` bits; `base` is the lowest of them. */
export interface Subnet {
  readonly family: 4 | 6;
  readonly base: bigint;
  readonly prefix: number;
}

export function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

/** Reads an address without zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: parseIpv4(text) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  return { family: 6, value: parseIpv6(text) };
}

function parseIpv4(text: string): bigint {
  return text.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n);
}

function parseIpv6(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return [...before, ...zeros, ...after].reduce((value, group) => (value << 16n) | group, 0n);
}

function groupsOf(part: string): bigint[] {
  if (part === "") return [];
  return part.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)];
    const value = parseIpv4(group);
    return [value >> 16n, value & 0xffffn];
  });
}

/** The address in the one usual form (RFC 5952 for IPv6). */
export function formatAddress(address: Address): string {
  const { family, value } = address;
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from(
    { length: 8 },
    (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn,
  );
  const words = groups.map((group) => group.toString(16));
  const gap = longestZeros(groups);
  if (gap.length < 2) return words.join(":");
  const head = words.slice(0, gap.start).join(":");
  const tail = words.slice(gap.start + gap.length).join(":");
  return `${head}::${tail}`;
}

function longestZeros(groups: readonly bigint[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (end < groups.length && groups[end] === 0n) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

/** Network byte order, 4 or 16 bytes. */
export function bytesOfAddress(address: Address): Buffer {
  const digits = bitsOf(address.family) / 4;
  return Buffer.from(address.value.toString(16).padStart(digits, "0"), "hex");
}

export function addressOfBytes(bytes: Uint8Array): Address {
  const value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** Reads `address/prefix`; bits after the prefix are dropped. */
export function parseSubnet(text: string): Subnet | undefined {
  const [addressText = "", prefixText = "", ...rest] = text.split("/");
  const address = parseAddress(addressText);
  if (address === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(prefixText))
    return undefined;
  const prefix = Number(prefixText);
  if (prefix > bitsOf(address.family)) return undefined;
  return subnetOf(address, prefix);
}

export function subnetOf(address: Address, prefix: number): Subnet {
  const hostBits = BigInt(bitsOf(address.family) - prefix);
  return { family: address.family, base: (address.value >> hostBits) << hostBits, prefix };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress({ family: subnet.family, value: subnet.base })}/${subnet.prefix}`;
}

/** Number of addresses. */
export function sizeOf(subnet: Subnet): bigint {
  return 1n << BigInt(bitsOf(subnet.family) - subnet.prefix);
}

export function contains(subnet: Subnet, address: Address): boolean {
  if (subnet.family !== address.family) return false;
  return address.value >= subnet.base && address.value < subnet.base + sizeOf(subnet);
}

export function encloses(outer: Subnet, inner: Subnet): boolean {
  return (
    outer.prefix <= inner.prefix && contains(outer, { family: inner.family, value: inner.base })
  );
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  return encloses(one, other) || encloses(other, one);
}

/** Reads `aa:bb:cc:dd:ee:ff`; undefined unless it is one station's address. */
export function parseMac(text: string): Buffer | undefined {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return undefined;
  const bytes = Buffer.from(text.replaceAll(/[:-]/g, ""), "hex");
  const group = (bytes[0]! & 1) === 1;
  return group || bytes.every((byte) => byte === 0) ? undefined : bytes;
}

export function formatMac(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The link-local address that a kernel makes of a MAC address (EUI-64, RFC 4291 appendix A). */
export function linkLocalOf(mac: Uint8Array): Address {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
  const bytes = Buffer.alloc(16);
  bytes.set([0xfe, 0x80], 0);
  bytes.set([a ^ 2, b, c, 0xff, 0xfe, d, e, f], 8);
  return addressOfBytes(bytes);
}
