import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RootfsAccess, UserLookup } from "../../domain/rootfs.ts";
import type { WorkloadSpec } from "../../domain/runtime.ts";
import type { Field, ShimLauncher, WorkloadLink } from "../../domain/shim.ts";
import type { Mount } from "../../domain/mount.ts";
import { DuetError } from "../../kit/errors.ts";
import { Scope } from "../../kit/scope.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import type { HostAbilities } from "./abilities.ts";
import { boundingSet } from "./capabilities.ts";
import { Cgroup, type CgroupHost } from "./cgroup.ts";
import { ociConfig } from "./config.ts";
import type { FileSources } from "./default-mounts.ts";
import { resolveDevices } from "./devices.ts";
import {
  filePath,
  keepsHostMounts,
  layoutOf,
  removeRunDirectory,
  unlinkIfThere,
  type Layout,
} from "./layout.ts";
import type { OciConfig } from "./oci-spec.ts";
import type { OciRuntimeFacts } from "./probe.ts";
import { hostSeccompFacts, resolveSeccomp } from "./seccomp.ts";
import { canReadonlyDeeply, checkPropagation } from "./mount-abilities.ts";
import type { SavedWorkload } from "./saved.ts";
import type { KnownUsers } from "./known-users.ts";
import { OciWorkload } from "./workload.ts";
import { checkSystemFolders } from "./system-folders.ts";

/** What every workload of this runtime is made with. */
export interface WorkloadTools {
  readonly shims: ShimLauncher;
  readonly rootfs: RootfsAccess;
  readonly runtime: OciRuntimeFacts;
  readonly users: KnownUsers;
  readonly initBinary: string;
  readonly cgroupHost: CgroupHost;
  readonly cgroupParent: string;
  /** Bounding set of this process: bit n for capability n. */
  readonly capabilities: bigint;
  readonly abilities: HostAbilities;
}

/** The configuration of a workload that is being made, once everything for it is known. */
export interface Preparation {
  readonly config: OciConfig;
  readonly saved: SavedWorkload;
}

/** A shim with the root mounted in its namespaces. Independent steps run side by side. */
export async function openWorkload(
  tools: WorkloadTools,
  spec: WorkloadSpec,
  signal: AbortSignal,
): Promise<OciWorkload> {
  const mounts = rootMounts(spec);
  const layout = layoutOf(spec);
  // From the root of the hierarchy, so that no `..` leads out of it.
  const cgroupPath = join("/", spec.resources.cgroupParent || tools.cgroupParent, spec.id);
  const bounding = boundingSet(spec.security, tools.capabilities);
  await using scope = new Scope();
  await Promise.all([
    mkdir(layout.root, { recursive: true, mode: 0o700 }),
    unlinkIfThere(layout.exitRecord),
  ]);
  scope.defer((until) => removeRunDirectory(spec.runDirectory, until));
  const user = lookUp(tools, spec, mounts, signal);
  user.catch(() => undefined);
  const files = writeFiles(spec, layout);
  files.catch(() => undefined);
  const { link, handle } = await tools.shims.launch(spec.runDirectory, spec.id, signal);
  scope.defer((until) => endShim(link, until));
  await link.request(
    messageType.configure,
    configuration(tools, spec, layout, mounts, cgroupPath),
    signal,
  );
  const prepared = prepare(tools, spec, layout, {
    cgroupPath,
    bounding,
    user,
    files,
    shimPid: handle.shimPid,
  });
  prepared.catch(() => undefined);
  scope.commit();
  return new OciWorkload(tools, spec, { link, handle }, { cgroupPath, prepared });
}

async function endShim(link: WorkloadLink, signal: AbortSignal): Promise<void> {
  await link.request(messageType.shutdown, [], signal);
  await link.closed;
}

function rootMounts(spec: WorkloadSpec): readonly Mount[] {
  if (spec.root.kind === "directory") return spec.root.mounts;
  throw new DuetError(
    "invalid",
    "ROOT_KIND",
    "a container needs its root as a directory, not as a disk",
  );
}

async function prepare(
  tools: WorkloadTools,
  spec: WorkloadSpec,
  layout: Layout,
  parts: {
    readonly cgroupPath: string;
    readonly bounding: readonly string[];
    readonly user: Promise<UserLookup>;
    readonly files: Promise<FileSources>;
    readonly shimPid: number;
  },
): Promise<Preparation> {
  const { cgroupPath, bounding, shimPid } = parts;
  const seccomp = resolveSeccomp(spec.security.seccomp, hostSeccompFacts(bounding));
  const [user, files, devices] = await Promise.all([
    parts.user,
    parts.files,
    resolveDevices(spec.security, spec.resources.blockDevices ?? []),
    checkPropagation(spec.mounts),
  ]);
  const config = ociConfig(spec, {
    rootPath: layout.root,
    user,
    bounding,
    seccomp,
    devices,
    files,
    initBinary: tools.initBinary,
    deepReadonly: canReadonlyDeeply(tools.runtime),
    cgroupsPath: cgroupPath,
    shimPid,
    host: tools.abilities,
  });
  return { config, saved: { spec, cgroupPath, bounding, user } };
}

/**
 * Looks the user up in the image, and whether the runtime can work in it. On a view of its own, for an overlay that is mounted twice at a time
 * loses its work folder; a missing working directory is therefore left for the runtime to make.
 */
async function lookUp(
  tools: WorkloadTools,
  spec: WorkloadSpec,
  mounts: readonly Mount[],
  signal: AbortSignal,
): Promise<UserLookup> {
  const { user, groups } = spec.process;
  return await tools.users.of(mounts, [user, ...groups], signal, async () => {
    const target = { kind: "mounts", mounts, readonly: true } as const;
    await using session = await tools.rootfs.open(target, signal);
    await checkSystemFolders(session, signal);
    return await session.lookupUser(user, groups, signal);
  });
}

async function writeFiles(spec: WorkloadSpec, layout: Layout): Promise<FileSources> {
  const entries = Object.entries(spec.files);
  if (entries.length === 0) return {};
  await mkdir(layout.files, { recursive: true, mode: 0o711 });
  const sources = entries.map(async ([target, content]) => {
    const path = filePath(layout.files, target);
    await writeFile(path, content, { mode: 0o644 });
    return [target, path] as const;
  });
  return Object.fromEntries(await Promise.all(sources));
}

function configuration(
  tools: WorkloadTools,
  spec: WorkloadSpec,
  layout: Layout,
  mounts: readonly Mount[],
  cgroupPath: string,
): readonly Field[] {
  const { name, path } = tools.runtime;
  /* runc's log would hold its warnings; its errors come on stderr. crun has its errors in the log alone. */
  const quiet = name === "runc" ? ["--log", "/dev/null"] : [];
  const argv = [path, "--root", layout.runtimeState, ...quiet];
  const { log } = spec;
  return [
    [fieldTag.isolation, "container"],
    [fieldTag.exitPath, layout.exitRecord],
    ...(log.path === null ? [] : [[fieldTag.logPath, log.path] as const]),
    [fieldTag.logMaximumSize, Math.max(0, log.maximumSize)],
    [fieldTag.logMaximumFiles, Math.max(1, log.maximumFiles)],
    [fieldTag.networkKind, spec.network.kind],
    ...(keepsHostMounts(spec) ? [[fieldTag.hostMounts, 1] as const] : []),
    ...mounts.map((mount): Field => [fieldTag.mount, mountFields(mount, layout.root)]),
    ...argv.map((word): Field => [fieldTag.runtime, word]),
    [fieldTag.bundle, layout.bundle],
    [fieldTag.id, spec.id],
    ...(name === "runc"
      ? [[fieldTag.startFifo, join(layout.runtimeState, spec.id, "exec.fifo")] as const]
      : []),
    [fieldTag.memoryCgroup, new Cgroup(tools.cgroupHost, cgroupPath).folder("memory")],
  ];
}

function mountFields(mount: Mount, root: string): readonly Field[] {
  return [
    [fieldTag.type, mount.type],
    [fieldTag.source, mount.source],
    [fieldTag.mountPoint, join(root, mount.target)],
    ...mount.options.map((option): Field => [fieldTag.option, option]),
  ];
}
