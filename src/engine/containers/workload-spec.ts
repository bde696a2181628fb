import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerRecord } from "../../domain/container.ts";
import type { MountRecord } from "../../domain/mount.ts";
import type { EndpointRecord, NetworkRecord } from "../../domain/network.ts";
import type { ProcessSpec } from "../../domain/process.ts";
import type { WorkloadMount, WorkloadNetwork, WorkloadSpec } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import type { EngineContext } from "../context.ts";
import { parseNetworkMode } from "./endpoints.ts";
import { logSettings } from "./log-settings.ts";
import { mergeEnvironment } from "./resolve-process.ts";

const defaultPids = 4_096;
const defaultShmSize = 64 << 20;
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function stateDirectoryOf(context: EngineContext, id: string): string {
  return join(context.settings.containersDirectory, id);
}

export function runDirectoryOf(context: EngineContext, id: string): string {
  return join(context.settings.workloadsDirectory, id.slice(0, 12));
}

/** Everything the runtime needs for one run of a container, with all defaults filled in. */
export async function workloadSpec(
  context: EngineContext,
  record: ContainerRecord,
  root: RootSource,
  network: WorkloadNetwork,
  endpoints: readonly { readonly network: NetworkRecord; readonly endpoint: EndpointRecord }[],
): Promise<WorkloadSpec> {
  const { spec } = record;
  const stateDirectory = stateDirectoryOf(context, record.id);
  return {
    id: record.id,
    stateDirectory,
    runDirectory: runDirectoryOf(context, record.id),
    root,
    readonlyRoot: spec.readonlyRoot,
    process: mainProcess(record),
    init: spec.lifecycle.init,
    hostname: spec.hostname,
    domainname: spec.domainname,
    files: await networkFiles(context, record, endpoints),
    mounts: workloadMounts(record.mounts),
    resources: {
      ...spec.resources,
      pids: spec.resources.pids ?? defaultPids,
      shmSize: spec.resources.shmSize || defaultShmSize,
    },
    security: spec.security,
    network,
    log: logSettings(spec.logging, stateDirectory),
    annotations: spec.annotations,
  };
}

function mainProcess(record: ContainerRecord): ProcessSpec {
  const { process, security } = record.spec;
  const { rows, columns } = process.terminalSize;
  return {
    argv: [record.resolved.path, ...record.resolved.args],
    env: processEnvironment(record, process.terminal, []),
    workingDirectory: record.resolved.workingDirectory,
    user: record.resolved.user,
    groups: security.groupAdd,
    terminal: process.terminal ? { rows, columns } : null,
    stdin: process.openStdin,
    stdinOnce: process.stdinOnce,
    privileged: security.privileged,
  };
}

/** The engine's own variables, then the container's, then `extra`: later ones win. */
export function processEnvironment(
  record: ContainerRecord,
  terminal: boolean,
  extra: readonly string[],
): readonly string[] {
  const base = [
    defaultPath,
    `HOSTNAME=${record.spec.hostname}`,
    ...(terminal ? ["TERM=xterm"] : []),
  ];
  return mergeEnvironment(base, [...record.resolved.env, ...extra]);
}

export function workloadMounts(mounts: readonly MountRecord[]): readonly WorkloadMount[] {
  return mounts
    .toSorted((a, b) => a.target.split("/").length - b.target.split("/").length)
    .map((mount) => ({
      kind: mount.spec.kind === "tmpfs" ? "tmpfs" : "bind",
      source: mount.hostPath,
      target: mount.target,
      readonly: mount.readonly,
      propagation: mount.spec.propagation,
      nonRecursive: mount.spec.nonRecursive,
      readonlyDepth: mount.spec.readonlyDepth ?? "usual",
      options: mount.spec.kind === "tmpfs" ? tmpfsOptions(mount) : [],
    }));
}

function tmpfsOptions(mount: MountRecord): readonly string[] {
  const { tmpfsMode, tmpfsOptions: own, tmpfsSize } = mount.spec;
  const mode = tmpfsMode >= 0 ? [`mode=${tmpfsMode.toString(8)}`] : [];
  return [
    "noexec",
    "nosuid",
    "nodev",
    ...own,
    ...(tmpfsSize > 0 ? [`size=${tmpfsSize}`] : []),
    ...mode,
  ];
}

async function networkFiles(
  context: EngineContext,
  record: ContainerRecord,
  endpoints: readonly { readonly network: NetworkRecord; readonly endpoint: EndpointRecord }[],
): Promise<Record<string, string>> {
  const { spec } = record;
  const own =
    spec.domainname === "" ? spec.hostname : `${spec.hostname}.${spec.domainname} ${spec.hostname}`;
  const isHost = parseNetworkMode(spec.network.mode).kind === "host";
  const lines = [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    ...spec.network.extraHosts.map((entry) =>
      extraHost(entry, endpoints[0]?.endpoint.ipv4Gateway ?? ""),
    ),
    ...endpoints.flatMap(({ endpoint }) =>
      [endpoint.ipv4, endpoint.ipv6]
        .filter((address) => address !== "")
        .map((address) => `${address}\t${own}`),
    ),
  ];
  return {
    "/etc/hostname": `${spec.hostname}\n`,
    "/etc/hosts": isHost ? await readHostFile("/etc/hosts", lines) : `${lines.join("\n")}\n`,
    "/etc/resolv.conf": await resolverFile(context, record, endpoints),
  };
}

async function readHostFile(path: string, fallback: readonly string[]): Promise<string> {
  return await readFile(path, "utf8").catch(() => `${fallback.join("\n")}\n`);
}

function extraHost(entry: string, gateway: string): string {
  const split = entry.indexOf(":");
  const address = entry.slice(split + 1);
  return `${address === "host-gateway" ? gateway : address}\t${entry.slice(0, split)}`;
}

async function resolverFile(
  context: EngineContext,
  record: ContainerRecord,
  endpoints: readonly { readonly network: NetworkRecord }[],
): Promise<string> {
  const { dnsServers, dnsSearch, dnsOptions } = record.spec.network;
  const first = endpoints[0];
  const ours = first === undefined ? "" : context.network.dnsServer(first.network);
  const servers = dnsServers.length > 0 ? dnsServers : ours === "" ? [] : [ours];
  if (servers.length === 0) return await readHostFile("/etc/resolv.conf", []);
  return [
    ...servers.map((server) => `nameserver ${server}`),
    ...(dnsSearch.length > 0 ? [`search ${dnsSearch.join(" ")}`] : []),
    ...(dnsOptions.length > 0 ? [`options ${dnsOptions.join(" ")}`] : []),
    "",
  ].join("\n");
}
