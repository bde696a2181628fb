import { readFile } from "node:fs/promises";
import type { ContainerNetworkSpec, ContainerRecord } from "../../domain/container.ts";
import type { EndpointRecord, NetworkRecord } from "../../domain/network.ts";
import type { EngineContext } from "../context.ts";
import { isBridged, isDefaultBridge, parseNetworkMode } from "./endpoints.ts";
import { linkLines } from "./links.ts";

export const hostsPath = "/etc/hosts";
export const resolverPath = "/etc/resolv.conf";

/** What resolv.conf goes by. */
export interface ResolverSettings {
  readonly spec: {
    readonly network: Pick<ContainerNetworkSpec, "dnsServers" | "dnsSearch" | "dnsOptions">;
  };
}

export interface NetworkLink {
  readonly network: NetworkRecord;
  readonly endpoint: EndpointRecord;
}

/** Contents of /etc/hostname, /etc/hosts and /etc/resolv.conf for one run. */
export async function networkFiles(
  context: EngineContext,
  record: ContainerRecord,
  links: readonly NetworkLink[],
): Promise<Record<string, string>> {
  const { spec } = record;
  const isHost = parseNetworkMode(spec.network.mode).kind === "host";
  const extra = spec.network.extraHosts.map((entry) =>
    extraHost(entry, links[0]?.endpoint.ipv4Gateway || defaultGateway(context)),
  );
  const lines = [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    ...extra,
    ...linkLines(context, record),
    ...links.flatMap(({ endpoint }) => hostLines(record, endpoint)),
  ];
  return {
    "/etc/hostname": `${spec.hostname}\n`,
    [hostsPath]: isHost ? await hostsOfHost(extra, lines) : `${lines.join("\n")}\n`,
    [resolverPath]: await resolverFile(context, record, links),
  };
}

/** What /etc/hosts says of one connection. */
export function hostLines(record: ContainerRecord, endpoint: EndpointRecord): readonly string[] {
  const { domainname, hostname } = record.spec;
  const own = domainname === "" ? hostname : `${hostname}.${domainname} ${hostname}`;
  return [endpoint.ipv4, endpoint.ipv6]
    .filter((address) => address !== "")
    .map((address) => `${address}\t${own}`);
}

/**
 * The address of the DNS server that the workload asks: of a network that leads out, where there is
 * one. Any of them answers the names of all the workload's networks, and asks the user's servers for
 * the rest. "" where the user's servers are asked at once, as on Docker's default bridge.
 */
export function ownNameserver(
  context: EngineContext,
  record: ResolverSettings,
  links: readonly NetworkLink[],
): string {
  const isNamed = links.some(hasNames);
  if (record.spec.network.dnsServers.length > 0 && !isNamed) return "";
  const chosen = links.find(({ network }) => !network.spec.internal) ?? links[0];
  return chosen === undefined ? "" : context.network.dnsServer(chosen.network);
}

function hasNames({ network }: NetworkLink): boolean {
  return isBridged(network) && !isDefaultBridge(network);
}

async function hostsOfHost(extra: readonly string[], lines: readonly string[]): Promise<string> {
  const own = await readHostFile(hostsPath, lines);
  return extra.length === 0 ? own : `${own.replace(/\n*$/, "\n")}${extra.join("\n")}\n`;
}

/** The host as the default bridge sees it, for who has no gateway of their own. */
export function defaultGateway(context: EngineContext): string {
  const bridge = context.store.networks.list().find(isDefaultBridge);
  return bridge?.pools[0]?.gateway ?? "";
}

async function readHostFile(path: string, fallback: readonly string[]): Promise<string> {
  return await readFile(path, "utf8").catch(() => `${fallback.join("\n")}\n`);
}

/** A line of /etc/hosts from `name:address`; `host-gateway` is the gateway. */
export function extraHost(entry: string, gateway: string): string {
  const split = entry.indexOf(":");
  const address = entry.slice(split + 1);
  return `${address === "host-gateway" ? gateway : address}\t${entry.slice(0, split)}`;
}

export async function resolverFile(
  context: EngineContext,
  record: ResolverSettings,
  links: readonly NetworkLink[],
): Promise<string> {
  const { dnsServers, dnsSearch, dnsOptions } = record.spec.network;
  const ours = ownNameserver(context, record, links);
  const servers = ours === "" ? dnsServers : [ours];
  const host = await readHostFile(resolverPath, []);
  if (servers.length === 0 && dnsSearch.length === 0 && dnsOptions.length === 0) return host;
  const search =
    dnsSearch.length > 0 ? dnsSearch.filter((domain) => domain !== ".") : wordsOf(host, "search");
  const options = dnsOptions.length > 0 ? dnsOptions : wordsOf(host, "options");
  // As Docker's: a name of a network is one label, and is to be asked for as it stands.
  const isNamed = links.some(hasNames);
  const hasDots = options.some((option) => option.startsWith("ndots:"));
  const all = isNamed && !hasDots ? [...options, "ndots:0"] : options;
  return [
    ...(servers.length > 0 ? servers : wordsOf(host, "nameserver")).map(nameserverLine),
    ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
    ...(all.length > 0 ? [`options ${all.join(" ")}`] : []),
    "",
  ].join("\n");
}

export function nameserverLine(address: string): string {
  return `nameserver ${address}`;
}

/** The words after a keyword of resolv.conf(5), of all its lines. */
function wordsOf(text: string, keyword: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first === keyword)
    .flatMap(([, ...words]) => words);
}
