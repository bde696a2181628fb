import type { ContainerRecord } from "../../../domain/container.ts";
import type { EndpointRecord } from "../../../domain/network.ts";
import type { EndpointSettings, PortMap, PortSummary } from "../../../spec/docker/container.ts";

/** One connection as inspect shows it. Until a first run, nobody has looked its network up in Docker. */
export function encodeEndpoint(
  endpoint: EndpointRecord,
  record: ContainerRecord,
): EndpointSettings {
  const hasRun = record.startedAt > 0;
  const { spec } = endpoint;
  const { linkLocal = [] } = spec;
  const isFixed = spec.ipv4 !== "" || spec.ipv6 !== "" || linkLocal.length > 0;
  return {
    IPAMConfig: isFixed
      ? {
          ...(spec.ipv4 === "" ? {} : { IPv4Address: spec.ipv4 }),
          ...(spec.ipv6 === "" ? {} : { IPv6Address: spec.ipv6 }),
          ...(linkLocal.length === 0 ? {} : { LinkLocalIPs: [...linkLocal] }),
        }
      : null,
    Links: spec.links.length > 0 ? [...spec.links] : null,
    Aliases: spec.aliases.length > 0 ? [...spec.aliases] : null,
    MacAddress: endpoint.mac,
    DriverOpts: Object.keys(spec.driverOptions).length > 0 ? { ...spec.driverOptions } : null,
    GwPriority: spec.gatewayPriority,
    NetworkID: hasRun ? endpoint.network : "",
    EndpointID: record.pid === 0 ? "" : endpoint.id,
    Gateway: endpoint.ipv4Gateway,
    IPAddress: endpoint.ipv4,
    IPPrefixLen: endpoint.ipv4PrefixLength,
    IPv6Gateway: endpoint.ipv6Gateway,
    GlobalIPv6Address: endpoint.ipv6,
    GlobalIPv6PrefixLen: endpoint.ipv6PrefixLength,
    DNSNames: hasRun && endpoint.dnsNames.length > 0 ? [...endpoint.dnsNames] : null,
  };
}

/** By network name. */
export function encodeEndpoints(record: ContainerRecord): Record<string, EndpointSettings> {
  if (record.spec.network.disabled) return {};
  return Object.fromEntries(
    record.endpoints.map((endpoint) => [endpoint.networkName, encodeEndpoint(endpoint, record)]),
  );
}

/** NetworkSettings.Ports: exposed ports with what they are published on, while it runs. */
export function encodePortMap(record: ContainerRecord): PortMap {
  if (record.pid === 0) return {};
  const ports: PortMap = Object.fromEntries(record.resolved.exposedPorts.map((key) => [key, null]));
  for (const port of record.endpoints.flatMap((endpoint) => endpoint.ports)) {
    const key = `${port.containerPort}/${port.protocol}`;
    ports[key] = [
      ...(ports[key] ?? []),
      ...addressesOf(port.hostAddress).map((address) => ({
        HostIp: address,
        HostPort: String(port.hostPort),
      })),
    ];
  }
  return ports;
}

/** "" is every address. */
function addressesOf(hostAddress: string): string[] {
  return hostAddress === "" ? ["0.0.0.0"] : [hostAddress];
}

/** The ports of a list entry, in Docker's order. */
export function encodePortList(record: ContainerRecord): PortSummary[] {
  const summaries = Object.entries(encodePortMap(record)).flatMap(([key, bindings]) => {
    const [port, Type = "tcp"] = key.split("/");
    const PrivatePort = Number(port);
    if (bindings === null || bindings.length === 0) return [{ PrivatePort, Type }];
    return bindings.map((binding) => ({
      IP: binding.HostIp ?? "",
      PrivatePort,
      PublicPort: Number(binding.HostPort),
      Type,
    }));
  });
  return summaries.toSorted((left, right) => left.PrivatePort - right.PrivatePort);
}
