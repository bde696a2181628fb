import { existsSync } from "node:fs";
import type { Field } from "../../domain/shim.ts";
import { fieldTag } from "../../spec/workload.ts";
import type { Accelerator } from "./command-line.ts";

export interface JailRequest {
  readonly uid: number;
  readonly gid: number;
  /** cgroup.procs files to join. */
  readonly joins: readonly string[];
  /** Empty folder on the host that becomes the root. */
  readonly root: string;
  /** The only files that it may write to, until it gets its workload's: the disk that it starts with, and the like. */
  readonly writable: readonly { readonly outside: string; readonly inside: string }[];
  /** Bytes of the largest disk that it may get. */
  readonly largestDisk: number;
  readonly accelerator: Accelerator;
  readonly serveShares: boolean;
  /** Host files by the path that they have inside, for reading: no user and no capability changes them. */
  readonly files: Readonly<Record<string, string>>;
}

/** RLIMIT_FSIZE, RLIMIT_CORE and RLIMIT_NOFILE (getrlimit(2)). */
const sizeLimit = 1;
const coreLimit = 4;
const filesLimit = 7;
/** What a qcow2 file of a disk may take beyond the disk's size: tables a 4,000th of it, and room. */
const tablesShare = 64;
const tablesRoom = 64 << 20;

/**
 * CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_FSETID: what giving files of a shared folder their
 * right owners takes. A VM without shared folders gets none, so a VM out of the pool has none.
 */
const shareCapabilities = (1 << 0) | (1 << 1) | (1 << 3) | (1 << 4);

/**
 * QEMU's file server sets modes by /proc/self/fd (fchmodat has no other way to a descriptor opened
 * by path): without it no file can be made. It shows QEMU no process but itself.
 */
const ownProcesses = mount("proc", "proc", "/proc", [
  "nosuid",
  "nodev",
  "noexec",
  "hidepid=invisible",
  "subset=pid",
]);

/** What QEMU sees of the host: its own program and libraries, its folder, and the files it was given. */
export function jailFields(request: JailRequest): readonly Field[] {
  return [
    [fieldTag.root, request.root],
    [fieldTag.uid, request.uid],
    [fieldTag.gid, request.gid],
    ...request.joins.map((path): Field => [fieldTag.cgroup, path]),
    [fieldTag.limit, limit(coreLimit, 0)],
    [fieldTag.limit, limit(filesLimit, 4096)],
    /* A shared folder's files may be of any size. */
    ...(request.serveShares ? [] : [fileSizeLimit(request.largestDisk)]),
    ...(request.serveShares
      ? ([[fieldTag.capabilities, shareCapabilities], ownProcesses] as const)
      : []),
    ...systemFolders(),
    ...["/dev/null", "/dev/urandom", ...(request.accelerator === "kvm" ? ["/dev/kvm"] : [])].map(
      (path) => mount("bind", path, path, []),
    ),
    mount("tmpfs", "tmpfs", "/shares", ["mode=0755", "size=64k", "nosuid", "nodev", "noexec"]),
    ...request.writable.map(({ outside, inside }) =>
      mount("bind", outside, inside, ["nosuid", "nodev", "noexec"]),
    ),
    ...Object.entries(request.files).map(([inside, outside]) =>
      mount("bind", outside, inside, ["ro", "nosuid", "nodev"]),
    ),
  ];
}

/**
 * How large any file of QEMU's may grow, for a disk of that many bytes: a QEMU that was broken out of
 * fills no more of the host's disk than its guest could.
 */
function fileSizeLimit(disk: number): Field {
  return [fieldTag.limit, limit(sizeLimit, disk + Math.ceil(disk / tablesShare) + tablesRoom)];
}

function limit(resource: number, value: number): readonly Field[] {
  return [
    [fieldTag.number, resource],
    [fieldTag.soft, value],
    [fieldTag.hard, value],
  ];
}

export function mount(
  type: string,
  source: string,
  point: string,
  options: readonly string[],
): Field {
  return [
    fieldTag.mount,
    [
      [fieldTag.type, type],
      [fieldTag.source, source],
      [fieldTag.mountPoint, point],
      ...options.map((option): Field => [fieldTag.option, option]),
    ],
  ];
}

function systemFolders(): readonly Field[] {
  const folders = [
    ["/usr", "/usr"],
    ["/lib", "/lib"],
    ["/lib64", "/lib64"],
    ["/etc/ld.so.cache", "/etc/ld.so.cache"],
    ["/etc/alternatives", "/etc/alternatives"],
  ] as const;
  return folders
    .filter(([outside]) => existsSync(outside))
    .map(([outside, inside]) => mount("bind", outside, inside, ["ro", "nosuid"]));
}
