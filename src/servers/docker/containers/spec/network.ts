import { prefixed } from "../../../../kit/errors.ts";
import { isIP } from "node:net";
import type { ContainerNetworkSpec } from "../../../../domain/container.ts";
import type { EndpointSpec } from "../../../../domain/network.ts";
import type {
  ContainerConfig,
  EndpointSettings,
  HostConfig,
  NetworkingConfig,
} from "../../../../spec/docker/container.ts";
import { invalid } from "../../failures.ts";
import { bindingsOf, exposedPortsOf } from "./ports.ts";

export function networkOf(
  config: ContainerConfig,
  host: HostConfig,
  networking: NetworkingConfig,
): ContainerNetworkSpec {
  const ports = host.PortBindings ?? {};
  const endpoints = Object.entries(networking.EndpointsConfig ?? {});
  return {
    mode: host.NetworkMode || "default",
    endpoints: Object.fromEntries(
      endpoints.map(([name, settings]) => [
        name === "default" ? "bridge" : name,
        namedEndpointOf(name, settings),
      ]),
    ),
    exposedPorts: exposedPortsOf(Object.keys(config.ExposedPorts ?? {})),
    ports: bindingsOf(ports),
    publishAll: host.PublishAllPorts ?? false,
    dnsServers: (host.Dns ?? []).map((text) => checkAddress("DNS server", text)),
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions ?? [],
    extraHosts: (host.ExtraHosts ?? []).map(checkExtraHost),
    links: host.Links ?? [],
    macAddress: checkMainMac(config.MacAddress ?? "", host.NetworkMode ?? ""),
    disabled: config.NetworkDisabled ?? false,
  };
}

function namedEndpointOf(name: string, settings: EndpointSettings): EndpointSpec {
  try {
    return endpointOf(settings);
  } catch (error) {
    throw prefixed(`invalid config for network ${name.slice(0, 80)}`, error);
  }
}

function checkMainMac(text: string, mode: string): string {
  const name = mode === "" || mode === "default" ? "bridge" : mode;
  return namedEndpointOf(name, { MacAddress: text }).mac;
}

export function endpointOf(settings: EndpointSettings): EndpointSpec {
  const ipam = settings.IPAMConfig ?? {};
  const linkLocal = ipam.LinkLocalIPs ?? [];
  return {
    aliases: settings.Aliases ?? [],
    links: settings.Links ?? [],
    ipv4: ipam.IPv4Address ?? "",
    ipv6: ipam.IPv6Address ?? "",
    ...(linkLocal.length > 0 ? { linkLocal } : {}),
    mac: checkMac(settings.MacAddress ?? ""),
    driverOptions: settings.DriverOpts ?? {},
    gatewayPriority: settings.GwPriority ?? 0,
  };
}

function checkAddress(what: string, text: string): string {
  if (isIP(text) !== 0) return text;
  throw invalid(`invalid ${what}: ${text.slice(0, 80)} is no IP address`);
}

function checkMac(text: string): string {
  if (text === "" || /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i.test(text)) {
    return text.toLowerCase().replaceAll("-", ":");
  }
  throw invalid(`invalid MAC address ${text.slice(0, 40)}`);
}

function checkExtraHost(text: string): string {
  const separator = text.search(/[:=]/);
  const name = text.slice(0, separator);
  const address = text.slice(separator + 1).replace(/^\[(.*)\]$/, "$1");
  if (separator <= 0 || !/^[^\s]{1,255}$/.test(name)) {
    throw invalid(`bad format for add-host: ${JSON.stringify(text.slice(0, 100))}`);
  }
  if (address !== "host-gateway" && isIP(address) === 0) {
    throw invalid(`invalid IP address in add-host: ${JSON.stringify(address.slice(0, 100))}`);
  }
  return `${name}:${address}`;
}
