import { BlockList, isIP, isIPv6 } from "node:net";

/**
 * Where an address lies. `forbidden` is what no registry is ever sent to by another: link-local
 * (where clouds keep their metadata services), multicast, reserved.
 */
export type Zone = "public" | "private" | "loopback" | "forbidden";

/** IANA's special-purpose registries (RFC 6890 and its updates), and metadata services outside of them. */
const ranges: Readonly<Record<Exclude<Zone, "public">, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128"],
  forbidden: [
    "0.0.0.0/8",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "fd00:ec2::/32",
    "fe80::/10",
    "ff00::/8",
  ],
  private: [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "fc00::/7",
    "fec0::/10",
  ],
};

/** IPv6 prefixes that hold an IPv4 address in their last 32 bits: mapped, compatible, NAT64. */
const embeddings = ["::ffff:", "::", "64:ff9b::"];

const lists = (["loopback", "forbidden", "private"] as const).map((zone) => ({
  zone,
  list: blockList(ranges[zone]),
}));

/** The zone of an IP address in text form. What is no address is forbidden. */
export function zoneOf(address: string): Zone {
  if (isIP(address) === 0) return "forbidden";
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  return lists.find(({ list }) => list.check(address, family))?.zone ?? "public";
}

/**
 * Whether a registry in zone `own` may send its clients to an address in zone `target`: never
 * further inside than where it stands itself.
 */
export function mayReach(own: Zone, target: Zone): boolean {
  if (target === "public") return true;
  if (target === "forbidden") return false;
  return own === "loopback" || (own === "private" && target === "private");
}

const inwards: readonly Zone[] = ["public", "private", "loopback"];

/** Where a host with addresses in these zones stands; a forbidden one gives it no licence for others. */
export function innermostZone(zones: readonly Zone[]): Zone {
  if (zones.includes("forbidden")) return "public";
  return inwards[Math.max(0, ...zones.map((zone) => inwards.indexOf(zone)))]!;
}

/** Whether an IP address lies in one of the CIDR blocks. */
export function isInBlocks(address: string, blocks: readonly string[]): boolean {
  if (isIP(address) === 0) return false;
  return blockList(blocks).check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function blockList(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [network = "", prefixText = ""] = block.split("/");
    const prefix = Number(prefixText);
    if (isIP(network) === 0 || !/^\d{1,3}$/.test(prefixText)) continue;
    if (isIPv6(network)) {
      if (prefix <= 128) list.addSubnet(network, prefix, "ipv6");
      continue;
    }
    if (prefix > 32) continue;
    list.addSubnet(network, prefix, "ipv4");
    for (const start of embeddings) list.addSubnet(`${start}${network}`, 96 + prefix, "ipv6");
  }
  return list;
}
