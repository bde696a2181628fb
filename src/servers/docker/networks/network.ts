import type { ContainerRecord } from "../../../domain/container.ts";
import type { NetworkRecord } from "../../../domain/network.ts";
import type {
  IpamConfigBody,
  NetworkContainer,
  NetworkInspect,
} from "../../../spec/docker/network.ts";
import { timeText } from "../time.ts";

/** Docker calls the driver of the network `none` "null". */
export function driverWord(network: NetworkRecord): string {
  return network.spec.driver === "none" ? "null" : network.spec.driver;
}

/** `members`: those with a connection that lives; lists leave them out. */
export function encodeNetwork(
  network: NetworkRecord,
  members: readonly ContainerRecord[],
): NetworkInspect {
  const { spec } = network;
  return {
    Name: spec.name,
    Id: network.id,
    Created: timeText(network.createdAt),
    Scope: "local",
    Driver: driverWord(network),
    EnableIPv4: spec.enableIpv4,
    EnableIPv6: spec.enableIpv6,
    IPAM: { Driver: "default", Options: null, Config: network.pools.map(encodePool) },
    Internal: spec.internal,
    Attachable: spec.attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      members.map((member) => [member.id, encodeMember(network, member)]),
    ),
    Options: { ...spec.options },
    Labels: { ...spec.labels },
  };
}

function encodePool(pool: NetworkRecord["pools"][number]): IpamConfigBody {
  return {
    Subnet: pool.subnet,
    ...(pool.range === "" ? {} : { IPRange: pool.range }),
    Gateway: pool.gateway,
    ...(Object.keys(pool.auxiliary).length > 0
      ? { AuxiliaryAddresses: { ...pool.auxiliary } }
      : {}),
  };
}

function encodeMember(network: NetworkRecord, member: ContainerRecord): NetworkContainer {
  const endpoint = member.endpoints.find((entry) => entry.network === network.id);
  const cidr = (address: string, length: number): string =>
    address === "" ? "" : `${address}/${length}`;
  return {
    Name: member.name,
    EndpointID: endpoint?.id ?? "",
    MacAddress: endpoint?.mac ?? "",
    IPv4Address: cidr(endpoint?.ipv4 ?? "", endpoint?.ipv4PrefixLength ?? 0),
    IPv6Address: cidr(endpoint?.ipv6 ?? "", endpoint?.ipv6PrefixLength ?? 0),
  };
}
