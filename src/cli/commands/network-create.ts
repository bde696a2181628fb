import { compact } from "../../client/container-options.ts";
import type { IpamConfigBody, NetworkCreateBody } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { some, someKeys } from "../container/present.ts";
import { keyValues } from "../container/key-values.ts";
import { usageError, type Flags } from "../flags.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK",
  minimum: 1,
  maximum: 1,
  flags: [
    {
      name: "driver",
      short: "d",
      kind: "string",
      default: "bridge",
      summary: "Driver to manage the Network",
    },
    {
      name: "subnet",
      kind: "list",
      summary: "Subnet in CIDR format that represents a network segment",
    },
    { name: "gateway", kind: "list", summary: "IPv4 or IPv6 Gateway for the master subnet" },
    { name: "ip-range", kind: "list", summary: "Allocate container ip from a sub-range" },
    {
      name: "aux-address",
      kind: "list",
      value: "map",
      summary: "Auxiliary addresses that the network must not give away",
    },
    { name: "internal", kind: "boolean", summary: "Restrict external access to the network" },
    { name: "attachable", kind: "boolean", summary: "Enable manual container attachment" },
    {
      name: "ipv4",
      kind: "boolean",
      default: "true",
      summary: "Enable or disable IPv4 address assignment",
    },
    { name: "ipv6", kind: "boolean", summary: "Enable or disable IPv6 address assignment" },
    { name: "label", kind: "list", summary: "Set metadata on a network" },
    { name: "opt", short: "o", kind: "list", value: "map", summary: "Set driver specific options" },
    {
      name: "ipam-driver",
      kind: "string",
      default: "default",
      summary: "IP Address Management Driver",
    },
    { name: "ipam-opt", kind: "list", value: "map", summary: "Set IPAM driver specific options" },
  ],
  examples: [
    {
      what: "A network on which workloads find each other by name",
      line: "duet network create app",
    },
    {
      what: "Without a way out, in a subnet of your choice",
      line: "duet network create --internal --subnet 10.9.0.0/24 closed",
    },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const answer = await duet().networks.create(bodyOf(flags, words[0]!), signal);
    if (answer.Warning) terminal.warn(`WARNING: ${answer.Warning}`);
    terminal.print(answer.Id);
  },
};

function bodyOf(flags: Flags, name: string): NetworkCreateBody {
  return compact<NetworkCreateBody>({
    Name: name,
    Driver: flags.string("driver"),
    Internal: flags.boolean("internal"),
    Attachable: flags.boolean("attachable"),
    EnableIPv4: flags.has("ipv4") ? flags.boolean("ipv4") : undefined,
    EnableIPv6: flags.boolean("ipv6"),
    Options: keyValues(flags.list("opt")),
    Labels: keyValues(flags.list("label")),
    IPAM: {
      Driver: flags.string("ipam-driver") ?? "default",
      Options: keyValues(flags.list("ipam-opt")),
      ...compact<{ Config: IpamConfigBody[] }>({ Config: some(poolsOf(flags)) }),
    },
  });
}

/** Gateways, ranges and reserved addresses belong to the subnet in the same place of the line. */
function poolsOf(flags: Flags): IpamConfigBody[] {
  const subnets = flags.list("subnet");
  const gateways = flags.list("gateway");
  const ranges = flags.list("ip-range");
  const reserved = someKeys(keyValues(flags.list("aux-address")));
  if (subnets.length === 0 && gateways.length + ranges.length > 0) {
    throw usageError("SUBNET_MISSING", "--gateway and --ip-range need a --subnet");
  }
  return subnets.map((Subnet, index) =>
    compact<IpamConfigBody>({
      Subnet,
      Gateway: gateways[index],
      IPRange: ranges[index],
      AuxiliaryAddresses: index === 0 ? reserved : undefined,
    }),
  );
}
