import type { AddressPool, EndpointSpec, NetworkRecord } from "../../domain/network.ts";
import { contains, parseAddress, parseSubnet } from "./address.ts";

const longestShown = 80;

/** What is wrong with the settings of a connection to this network, in Docker's words. */
export function endpointErrors(network: NetworkRecord, endpoint: EndpointSpec): readonly string[] {
  const errors = [
    ...formatErrors(endpoint),
    ...optionErrors(endpoint),
    ...linkLocalErrors(network, endpoint.linkLocal ?? []),
    ...addressErrors(network, endpoint.ipv4, 4),
    ...addressErrors(network, endpoint.ipv6, 6),
    ...(network.predefined && endpoint.aliases.length > 0
      ? ["network-scoped alias is supported only for containers in user defined networks"]
      : []),
  ];
  return [...new Set(errors)];
}

function formatErrors(endpoint: EndpointSpec): string[] {
  return ([4, 6] as const).flatMap((family) => {
    const text = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
    if (text === "" || parseAddress(text)?.family === family) return [];
    return [`invalid IPv${family} address: ${text.slice(0, longestShown)}`];
  });
}

const linkLocalSubnets = ["169.254.0.0/16", "fe80::/64"].map(parseSubnet);

function linkLocalErrors(network: NetworkRecord, addresses: readonly string[]): string[] {
  return addresses.flatMap((text) => {
    const shown = text.slice(0, longestShown);
    const address = parseAddress(text);
    if (address === undefined) return [`invalid link-local IP address: ${shown}`];
    if (!linkLocalSubnets.some((one) => one !== undefined && contains(one, address))) {
      return [`invalid link local IP address: ${shown}`];
    }
    const has = address.family === 4 ? network.spec.enableIpv4 : network.spec.enableIpv6;
    return has ? [] : [`the network has no IPv${address.family}: ${shown}`];
  });
}

/** Docker leaves options alone that it does not know; those that it knows are not to be left undone. */
function optionErrors(endpoint: EndpointSpec): string[] {
  return Object.keys(endpoint.driverOptions)
    .filter((key) => key.startsWith("com.docker.network.endpoint."))
    .map((key) => `the endpoint option ${key.slice(0, longestShown)} is not supported`);
}

function addressErrors(network: NetworkRecord, address: string, family: 4 | 6): string[] {
  if (address === "") return [];
  const pools = network.spec.pools.filter((pool) => parseSubnet(pool.subnet)?.family === family);
  const isOutside = pools.length > 0 && !pools.some((pool) => holds(pool, address));
  return [
    ...(network.predefined
      ? ["user specified IP address is supported on user defined networks only"]
      : []),
    ...(pools.length === 0
      ? [
          "user specified IP address is supported only when connecting to networks with user configured subnets",
        ]
      : []),
    ...(isOutside
      ? [
          `no configured subnet or ip-range contain the IP address ${address.slice(0, longestShown)}`,
        ]
      : []),
  ];
}

function holds(pool: AddressPool, text: string): boolean {
  const address = parseAddress(text);
  const subnet = parseSubnet(pool.subnet);
  return address !== undefined && subnet !== undefined && contains(subnet, address);
}
