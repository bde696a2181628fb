import { createHash } from "node:crypto";

interface Chain {
  readonly name: string;
  /** Type, hook and priority of a base chain. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

interface Table {
  readonly family: "inet" | "bridge";
  readonly sets: readonly string[];
  readonly chains: readonly Chain[];
}

/**
 * What never changes while the daemon runs: two tables whose rules look everything up in sets and
 * maps, so that a network, an endpoint or a port is an element and no rule. A packet that concerns
 * none of our bridges passes through untouched.
 *
 * `inet`: networks apart from each other and from the host, published ports, source addresses.
 */
const inet: Table = {
  family: "inet",
  sets: [
    "set bridges { type ifname; }",
    "set internal { type ifname; }",
    "set intra { type ifname . ifname; }",
    "set masquerading { type ifname; }",
    "set hostaccess { type ifname; }",
    "set gateways4 { type ifname . ipv4_addr; }",
    "set gateways6 { type ifname . ipv6_addr; }",
    "set local4 { type ipv4_addr . ifname; }",
    "set local6 { type ipv6_addr . ifname; }",
    "map resolver4 { type ifname . ipv4_addr . inet_proto : ipv4_addr . inet_service; }",
    "map resolver6 { type ifname . ipv6_addr . inet_proto : ipv6_addr . inet_service; }",
    "map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }",
    "map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }",
    "map at4 { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }",
    "map at6 { type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service; }",
  ],
  chains: [
    {
      // Bridges have route_localnet for ports published on loopback (CVE-2020-8558): what a
      // workload sends to or from 127.0.0.0/8 must not reach the host's own services.
      name: "martians",
      hook: "type filter hook prerouting priority raw",
      rules: [
        "iifname @bridges ip daddr 127.0.0.0/8 drop",
        "iifname @bridges ip saddr 127.0.0.0/8 drop",
      ],
    },
    {
      name: "published",
      rules: [
        "dnat ip to meta l4proto . ip daddr . th dport map @at4",
        "dnat ip to meta l4proto . th dport map @any4",
        "dnat ip6 to meta l4proto . ip6 daddr . th dport map @at6",
        "dnat ip6 to meta l4proto . th dport map @any6",
      ],
    },
    {
      name: "prerouting",
      hook: "type nat hook prerouting priority dstnat",
      rules: [
        "iifname @bridges meta l4proto { tcp, udp } th dport 53 dnat ip to iifname . ip daddr . meta l4proto map @resolver4",
        "iifname @bridges meta l4proto { tcp, udp } th dport 53 dnat ip6 to iifname . ip6 daddr . meta l4proto map @resolver6",
        "meta l4proto { tcp, udp, sctp } fib daddr type local jump published",
      ],
    },
    {
      name: "output",
      hook: "type nat hook output priority -100",
      rules: [
        "ip6 daddr ::1 return",
        "meta l4proto { tcp, udp, sctp } fib daddr type local jump published",
      ],
    },
    {
      name: "postrouting",
      hook: "type nat hook postrouting priority srcnat",
      rules: [
        "ip saddr 127.0.0.0/8 oifname @bridges masquerade",
        // To a neighbour by way of a published port: without the detour the answer goes straight back.
        "ip saddr . oifname @local4 ct status dnat masquerade",
        "ip6 saddr . oifname @local6 ct status dnat masquerade",
        "iifname @masquerading oifname != @bridges masquerade",
      ],
    },
    {
      name: "from_workload",
      rules: [
        "iifname . oifname @intra accept",
        "ct state established,related accept",
        "ct state invalid drop",
        "iifname @internal drop",
        "oifname @bridges ct status dnat accept",
        "oifname @bridges drop",
        "accept",
      ],
    },
    {
      name: "to_workload",
      rules: [
        "ct state established,related accept",
        "oifname @internal drop",
        "ct status dnat accept",
        "drop",
      ],
    },
    {
      name: "forward",
      hook: "type filter hook forward priority filter",
      rules: ["iifname @bridges goto from_workload", "oifname @bridges goto to_workload"],
    },
    {
      name: "to_host",
      rules: [
        "ct state established,related accept",
        "meta l4proto { tcp, udp } ct status dnat ct original proto-dst 53 accept",
        "iifname . ip daddr @gateways4 icmp type echo-request accept",
        "iifname . ip6 daddr @gateways6 icmpv6 type echo-request accept",
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
        "iifname @hostaccess accept",
        "meta l4proto tcp reject with tcp reset",
        "reject",
      ],
    },
    {
      name: "input",
      hook: "type filter hook input priority filter",
      rules: ["iifname @bridges goto to_host"],
    },
  ],
};

/** `bridge`: a port may send only with its own MAC, IPv4 and IPv6 addresses, and speaks nothing else. */
const bridge: Table = {
  family: "bridge",
  sets: [
    "set ports { type ifname; }",
    "set stations { type ifname . ether_addr; }",
    "set own4 { type ifname . ether_addr . ipv4_addr; }",
    "set own6 { type ifname . ether_addr . ipv6_addr; }",
    "set dual { type ifname; }",
    // Raw bytes, as nft before 1.0.8 has no word for the target of a neighbour advertisement.
    "set targets6 { typeof iifname . @th,64,128; }",
  ],
  chains: [
    {
      name: "from_ipv4",
      rules: ["iifname . ether saddr . ip saddr != @own4 drop", "udp sport 67 drop", "accept"],
    },
    {
      name: "from_arp",
      rules: [
        "iifname . arp saddr ether . arp saddr ip @own4 accept",
        "arp operation request arp saddr ip 0.0.0.0 iifname . arp saddr ether @stations accept",
        "drop",
      ],
    },
    {
      name: "from_ipv6",
      rules: [
        "icmpv6 type { nd-router-advert, nd-redirect } drop",
        "udp sport 547 drop",
        "icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets6 drop",
        "iifname . ether saddr . ip6 saddr @own6 accept",
        "iifname @dual ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld2-listener-report } accept",
        "drop",
      ],
    },
    {
      name: "from_port",
      rules: [
        "iifname . ether saddr != @stations drop",
        "ether type ip goto from_ipv4",
        "ether type arp goto from_arp",
        "ether type ip6 goto from_ipv6",
        "drop",
      ],
    },
    {
      name: "prerouting",
      hook: "type filter hook prerouting priority -300",
      rules: ["iifname @ports goto from_port"],
    },
  ],
};

const tables = [inet, bridge];

function tableText(table: Table): string {
  const chains = table.chains.map((chain) => {
    const head = chain.hook === undefined ? [] : [`${chain.hook}; policy accept;`];
    return `chain ${chain.name} {\n${[...head, ...chain.rules].join("\n")}\n}`;
  });
  return [...table.sets, ...chains].join("\n");
}

/** Name of an empty set that tells which version of the rules a table holds. */
export const versionMarker = `version_${createHash("sha256")
  .update(tables.map(tableText).join("\n"))
  .digest("hex")
  .slice(0, 8)}`;

/** Number of rules in both tables, to see that nobody took any away. */
export const ruleCount = tables
  .flatMap((table) => table.chains)
  .reduce((sum, chain) => sum + chain.rules.length, 0);

export const families = tables.map((table) => table.family);

/** Sets and maps with dynamic elements, by family. */
export const setNames = tables.flatMap((table) =>
  table.sets.map((text) => ({ family: table.family, set: text.split(" ")[1] ?? "" })),
);

/** One nft transaction that puts both tables in place of whatever has their name. */
export function baseRuleset(tableName: string): string {
  return tables
    .map(({ family }, index) => {
      const name = `${family} ${tableName}`;
      const content = tableText(tables[index] ?? inet);
      const marker = `set ${versionMarker} { type mark; }`;
      return `table ${name}\ndelete table ${name}\ntable ${name} {\n${marker}\n${content}\n}\n`;
    })
    .join("");
}
