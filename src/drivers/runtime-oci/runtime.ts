import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ExitRecord } from "../../domain/process.ts";
import type { ObjectId } from "../../domain/identity.ts";
import type { RootfsAccess } from "../../domain/rootfs.ts";
import type { Acceptance, Runtime, Workload, WorkloadSpec } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import type { ShimLauncher } from "../../domain/shim.ts";
import type { WorkloadHandle } from "../../domain/container.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { messageType } from "../../spec/workload.ts";
import { readAbilities } from "./abilities.ts";
import { acceptLimits } from "./accept.ts";
import { defaultProfile, effectiveProfile } from "./apparmor.ts";
import { boundingSet } from "./capabilities.ts";
import { Cgroup, readCgroupHost } from "./cgroup.ts";
import { exitRecordPath, filePath, filesFolder, removeRunDirectory } from "./layout.ts";
import { openWorkload, type WorkloadTools } from "./open.ts";
import { KnownUsers } from "./known-users.ts";
import { chooseOciRuntime } from "./probe.ts";
import { readSavedWorkload } from "./saved.ts";
import { OciWorkload } from "./workload.ts";

export interface OciRuntimeDependencies {
  readonly shims: ShimLauncher;
  readonly rootfs: RootfsAccess;
  readonly log: Log;
  /** Absolute path of runc or crun; chosen by probing where absent. */
  readonly runtimePath?: string;
  /** `shim`: path of duet-shim; duet-init stands beside it. */
  readonly tools: { readonly shim: string };
  /** Name of the cgroup below which every workload gets its own, such as `/duet`. */
  readonly cgroupParent: string;
}

const probeMilliseconds = 20_000;

/** The runtime of isolation `container`. Throws `unavailable` NO_OCI_RUNTIME. */
export async function createOciRuntime(dependencies: OciRuntimeDependencies): Promise<Runtime> {
  const deadline = withDeadline(never, probeMilliseconds, "looking for an OCI runtime");
  const facts = await chooseOciRuntime(deadline, dependencies.runtimePath);
  if (facts.outdated) {
    dependencies.log.warn("runtime-outdated", {
      name: facts.name,
      version: facts.version,
      advice: facts.advice,
    });
  }
  const cgroupHost = readCgroupHost();
  const capabilities = await ownCapabilities();
  const tools: WorkloadTools = {
    shims: dependencies.shims,
    rootfs: dependencies.rootfs,
    users: new KnownUsers(),
    runtime: facts,
    initBinary: join(dirname(dependencies.tools.shim), "duet-init"),
    cgroupHost,
    cgroupParent: dependencies.cgroupParent,
    capabilities,
    abilities: readAbilities(cgroupHost, capabilities),
  };
  return {
    isolation: "container",
    description: `${facts.name} ${facts.version}`,
    name: facts.name,
    rootKind: "directory",
    abilities: tools.abilities,
    ...(tools.abilities.apparmor ? { profile: defaultProfile } : {}),
    check: (spec) => check(spec, tools),
    open: async (spec, signal) => await openWorkload(tools, await confined(spec, tools), signal),
    find: (_id, handle, signal) => find(tools, handle, signal),
    filePath: (stateDirectory, path) => filePath(join(stateDirectory, filesFolder), path),
    exitRecord: readExitRecord,
    sweep: (id, _stateDirectory, runDirectory, signal) => sweep(tools, id, runDirectory, signal),
    openRoot: (root, signal) =>
      tools.rootfs.open({ kind: "mounts", mounts: directoryMounts(root), readonly: false }, signal),
    warm: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** The bounding set in proc(5), /proc/pid/status: what a child can be given at most. */
async function ownCapabilities(): Promise<bigint> {
  const match = /^CapBnd:\s+([0-9a-f]+)$/m.exec(await readFile("/proc/self/status", "utf8"));
  return BigInt(`0x${match?.[1] ?? "0"}`);
}

/** With the profile that it runs under; without one where this host has no such security module, as Docker starts it. */
async function confined(spec: WorkloadSpec, tools: WorkloadTools): Promise<WorkloadSpec> {
  const { apparmor: asked, privileged } = spec.security;
  const apparmor = tools.abilities.apparmor ? await effectiveProfile(asked, privileged) : "";
  return { ...spec, security: { ...spec.security, apparmor } };
}

function check(
  spec: Pick<WorkloadSpec, "mounts" | "resources" | "security" | "network" | "init">,
  tools: WorkloadTools,
): Acceptance {
  boundingSet(spec.security, tools.capabilities);
  if (spec.security.usernsMode !== "" && spec.security.usernsMode !== "host") {
    throw new DuetError(
      "unsupported",
      "USERNS_UNSUPPORTED",
      "user namespaces are not supported yet",
      {
        hint: "leave out --userns",
      },
    );
  }
  const { resources, warnings } = acceptLimits(spec.resources, tools.abilities);
  const profile = spec.security.apparmor;
  if (tools.abilities.apparmor || profile === "" || profile === "unconfined") {
    return { resources, warnings };
  }
  const dropped = `Your kernel does not support AppArmor or it is not enabled. Profile ${profile} discarded.`;
  return { resources, warnings: [...warnings, dropped] };
}

function directoryMounts(root: RootSource) {
  if (root.kind === "directory") return root.mounts;
  throw new DuetError(
    "invalid",
    "ROOT_KIND",
    "a container needs its root as a directory, not as a disk",
  );
}

async function find(
  tools: WorkloadTools,
  handle: WorkloadHandle,
  signal: AbortSignal,
): Promise<Workload | undefined> {
  const link = await tools.shims.connect(handle, signal);
  if (link === undefined) return undefined;
  const saved = await readSavedWorkload(dirname(handle.socket));
  if (saved === undefined) {
    link.close();
    return undefined;
  }
  return await OciWorkload.found(tools, saved, { link, handle }, signal);
}

/** The record that a shim left; one that cannot be read counts as none. */
async function readExitRecord(stateDirectory: string): Promise<ExitRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(exitRecordPath(stateDirectory), "utf8"));
    return isExitRecord(value) ? value : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isExitRecord(value: unknown): value is ExitRecord {
  if (typeof value !== "object" || value === null) return false;
  return (
    "code" in value &&
    typeof value.code === "number" &&
    "outOfMemory" in value &&
    typeof value.outOfMemory === "boolean" &&
    "exitedAt" in value &&
    typeof value.exitedAt === "number"
  );
}

/** A shim is in no cgroup: one that a killed daemon had only just started is told to leave. */
async function endShim(tools: WorkloadTools, socket: string, signal: AbortSignal): Promise<void> {
  try {
    const link = await tools.shims.connectSocket(socket, signal);
    await link.request(messageType.shutdown, [], signal);
    await link.closed;
    link.close();
  } catch (error) {
    const isGone =
      error instanceof DuetError && ["NOBODY_LISTENS", "LINK_LOST"].includes(error.code);
    if (!isGone) throw error;
  }
}

async function sweep(
  tools: WorkloadTools,
  id: ObjectId,
  runDirectory: string,
  signal: AbortSignal,
): Promise<void> {
  await endShim(tools, join(runDirectory, "shim.sock"), signal);
  const saved = await readSavedWorkload(runDirectory);
  const path = saved?.cgroupPath ?? join(tools.cgroupParent, id);
  await new Cgroup(tools.cgroupHost, path).destroy(signal);
  await removeRunDirectory(runDirectory, signal);
}
