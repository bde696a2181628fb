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
    IPAM: {
      Driver: "default",
      Options: spec.addressOptions === undefined ? null : { ...spec.addressOptions },
      Config: encodePools(network),
    },
    Internal: spec.internal,
    Attachable: spec.attachable,
    Ingress: false,
    ConfigFrom: { Network: spec.configFrom ?? "" },
    ConfigOnly: spec.configOnly ?? false,
    Containers: Object.fromEntries(
      members.map((member) => [member.id, encodeMember(network, member)]),
    ),
    Options: encodeOptions(network),
    Labels: { ...spec.labels },
  };
}

/** As it was asked for; for a family that was not, the pool that was found. Docker tells no gateway of its own choice. */
function encodePools(network: NetworkRecord): IpamConfigBody[] | null {
  const { pools: asked, configOnly } = network.spec;
  if (configOnly === true && asked.length > 0) return asked.map(encodePool);
  if (network.bridge === "") return null;
  const family = (subnet: string): boolean => subnet.includes(":");
  const found = network.pools.filter(
    (pool) => !asked.some((one) => family(one.subnet) === family(pool.subnet)),
  );
  return [...asked, ...found].map(encodePool);
}

/** Docker says of its default network what others do not say either. */
function encodeOptions(network: NetworkRecord): Record<string, string> {
  const { options } = network.spec;
  if (!network.predefined || network.bridge === "") return { ...options };
  return {
    ...options,
    "com.docker.network.bridge.name": network.bridge,
    "com.docker.network.driver.mtu": options["com.docker.network.driver.mtu"] ?? "1500",
  };
}

function encodePool(pool: NetworkRecord["pools"][number]): IpamConfigBody {
  return {
    Subnet: pool.subnet,
    ...(pool.range === "" ? {} : { IPRange: pool.range }),
    ...(pool.gateway === "" ? {} : { Gateway: pool.gateway }),
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
