import { defaultSharedMemorySize } from "../../domain/limits.ts";
import type { WorkloadMount, WorkloadSpec } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import type { OciMount } from "./oci-spec.ts";

/** Files of the workload laid over its root, by path inside it. */
export type FileSources = Readonly<Record<string, string>>;

/** Path of the init in a container started with --init, as Docker names it. */
export const initPath = "/sbin/docker-init";

/**
 * All mounts of a container in the order in which they are made: Docker's defaults (but those that
 * the user covers), the engine's files, then the user's, outer before inner.
 */
export function ociMounts(
  spec: WorkloadSpec,
  files: FileSources,
  initBinary: string,
  deepReadonly: boolean,
): readonly OciMount[] {
  const user = spec.mounts
    .toSorted((one, other) => depth(one.target) - depth(other.target))
    .map((mount) => userMount(mount, deepReadonly));
  const covered = new Set(user.map((mount) => mount.destination));
  const defaults = defaultMounts(spec).filter((mount) => !covered.has(mount.destination));
  const laid = Object.entries(files)
    .filter(([target]) => !covered.has(target))
    .map(([target, source]) => bindMount(source, target, spec.readonlyRoot));
  const init = spec.init ? [bindMount(initBinary, initPath, true)] : [];
  return [...defaults, ...laid, ...user, ...init];
}

function depth(path: string): number {
  return path.split("/").filter((part) => part !== "").length;
}

function bindMount(source: string, destination: string, readonly: boolean): OciMount {
  return {
    destination,
    type: "bind",
    source,
    options: ["rbind", "rprivate", readonly ? "ro" : "rw"],
  };
}

function defaultMounts(spec: WorkloadSpec): readonly OciMount[] {
  const access = spec.security.privileged ? "rw" : "ro";
  const guarded = ["nosuid", "noexec", "nodev"];
  return [
    spec.security.pidMode === "host"
      ? bindMount("/proc", "/proc", false)
      : { destination: "/proc", type: "proc", source: "proc", options: guarded },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    ...systemMounts(spec, access, guarded),
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: guarded },
    ...sharedMemory(spec, guarded),
  ];
}

/** The host's, another container's, none at all, or by default a tmpfs of its own. */
function sharedMemory(spec: WorkloadSpec, guarded: readonly string[]): readonly OciMount[] {
  const { ipcMode } = spec.security;
  const size = spec.resources.shmSize > 0 ? spec.resources.shmSize : defaultSharedMemorySize;
  if (ipcMode === "none") return [];
  if (ipcMode === "host") return [bindMount("/dev/shm", "/dev/shm", false)];
  const folder = spec.sharedMemory ?? null;
  if (folder !== null) return [bindMount(folder, "/dev/shm", false)];
  return [
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...guarded, "mode=1777", `size=${size}`],
    },
  ];
}

/** A sysfs belongs to a network namespace; without one of its own the workload gets the host's, bound. */
function systemMounts(
  spec: WorkloadSpec,
  access: string,
  guarded: readonly string[],
): readonly OciMount[] {
  const sysfs: OciMount =
    spec.network.kind === "host"
      ? {
          destination: "/sys",
          type: "bind",
          source: "/sys",
          options: ["rbind", "rprivate", ...guarded, access],
        }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...guarded, access] };
  const cgroup: OciMount = {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: [spec.security.writableCgroups === true ? "rw" : access, ...guarded],
  };
  return [sysfs, cgroup];
}

function userMount(mount: WorkloadMount, deepReadonly: boolean): OciMount {
  if (mount.kind === "tmpfs") {
    return {
      destination: mount.target,
      type: "tmpfs",
      source: "tmpfs",
      options: [...tmpfsGuards(mount.options), ...(mount.readonly ? ["ro"] : []), ...mount.options],
    };
  }
  const propagation = mount.propagation === "" ? "rprivate" : mount.propagation;
  return {
    destination: mount.target,
    type: "bind",
    source: mount.source,
    options: [
      mount.nonRecursive ? "bind" : "rbind",
      propagation,
      mount.readonly ? readonlyWord(mount, deepReadonly) : "rw",
      ...mount.options,
    ],
  };
}

/** Docker's default since 25: what is mounted below is read-only too, where kernel and runtime can. */
function readonlyWord(mount: WorkloadMount, deepReadonly: boolean): "ro" | "rro" {
  const { readonlyDepth = "usual" } = mount;
  if (readonlyDepth === "all" && !deepReadonly) {
    throw new DuetError(
      "unsupported",
      "MOUNT_READONLY",
      "rro is not supported: mount it read-only without bind-recursive=readonly",
      { subject: `mount at ${mount.target}` },
    );
  }
  return deepReadonly && readonlyDepth !== "top" && !mount.nonRecursive ? "rro" : "ro";
}

/** nosuid, nodev and noexec, but those whose opposite the user asked for. */
function tmpfsGuards(options: readonly string[]): readonly string[] {
  return ["suid", "dev", "exec"]
    .filter((word) => !options.includes(word))
    .map((word) => `no${word}`);
}

/** Propagation that the root needs, so that a shared or slave mount below it can be one. */
export function rootPropagation(mounts: readonly WorkloadMount[]): string | undefined {
  const kinds = mounts.map((mount) => mount.propagation);
  if (kinds.some((kind) => kind === "shared" || kind === "rshared")) return "shared";
  if (kinds.some((kind) => kind === "slave" || kind === "rslave")) return "rslave";
  return undefined;
}
