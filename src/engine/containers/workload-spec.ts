import { join } from "node:path";
import type { ContainerRecord } from "../../domain/container.ts";
import { defaultSharedMemorySize, type Ulimit } from "../../domain/limits.ts";
import type { MountRecord } from "../../domain/mount.ts";
import { defaultPath, type ProcessSpec } from "../../domain/process.ts";
import type { WorkloadMount, WorkloadNetwork, WorkloadSpec } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import type { EngineContext } from "../context.ts";
import { linkVariables } from "./links.ts";
import { logSettings } from "./log-settings.ts";
import { networkFiles, type NetworkLink } from "./network-files.ts";
import { mergeEnvironment } from "./resolve-process.ts";

const defaultPids = 4_096;

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
  endpoints: readonly NetworkLink[],
): Promise<WorkloadSpec> {
  const { spec } = record;
  const stateDirectory = stateDirectoryOf(context, record.id);
  return {
    id: record.id,
    stateDirectory,
    runDirectory: runDirectoryOf(context, record.id),
    root,
    readonlyRoot: spec.readonlyRoot,
    process: mainProcess(context, record),
    init: spec.lifecycle.init,
    hostname: spec.hostname,
    domainname: spec.domainname,
    files: await networkFiles(context, record, endpoints),
    mounts: workloadMounts(record.mounts),
    resources: {
      ...spec.resources,
      pids: spec.resources.pids ?? defaultPids,
      shmSize: spec.resources.shmSize || defaultSharedMemorySize,
      ulimits: allUlimits(context.settings.defaultUlimits, spec.resources.ulimits),
    },
    security: spec.security,
    network,
    log: logSettings(context.logSinks, spec.logging, stateDirectory),
    annotations: spec.annotations,
  };
}

/** The workload's own limits, and the daemon's of other names. */
function allUlimits(defaults: readonly Ulimit[], own: readonly Ulimit[]): readonly Ulimit[] {
  const names = new Set(own.map(({ name }) => name));
  return [...defaults.filter(({ name }) => !names.has(name)), ...own];
}

function mainProcess(context: EngineContext, record: ContainerRecord): ProcessSpec {
  const { process, security } = record.spec;
  const { rows, columns } = process.terminalSize;
  return {
    argv: [record.resolved.path, ...record.resolved.args],
    env: processEnvironment(context, record, process.terminal, []),
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
  context: EngineContext,
  record: ContainerRecord,
  terminal: boolean,
  extra: readonly string[],
): readonly string[] {
  const base = [
    defaultPath,
    `HOSTNAME=${record.spec.hostname}`,
    ...(terminal ? ["TERM=xterm"] : []),
    ...linkVariables(context, record),
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
