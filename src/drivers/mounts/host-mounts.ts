import { lookup } from "node:dns/promises";
import { closeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { HostMount, HostMounts } from "../../domain/host-mounts.ts";
import { DuetError } from "../../kit/errors.ts";
import { errnoName, systemCallAside, trySystemCall } from "../../kit/syscalls.ts";
import { withinPage } from "../../kit/tree/enter.ts";
import { planMount, type MountPlan } from "./options.ts";

const mountCall =
  "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)";
const unmountCall = "int umount2(const char *target, int flags)";
const openCall =
  "long syscall(long number, int folder, const char *path, const uint8_t *how, long size)";
const folderCall = "int open(const char *path, int flags)";

/** mount(2). */
const remountBind = 0x20 | 0x1000;
const bind = 0x1000;
const recursive = 0x4000;
/** umount2(2): lets go of it now, and undoes it when nobody uses it; follows no link. */
const detach = 0x2 | 0x8;
/** openat2(2): its number is the same on every architecture. */
const openat2 = 437;
const openPath = 0x200000 | 0x80000;
const openFolder = openPath | 0x10000;
const withoutMagic = 0x02;
const beneath = 0x08 | withoutMagic;
const inRoot = 0x10 | withoutMagic;
const networkTypes = new Set(["nfs", "nfs4", "cifs", "smb3", "ceph", "9p"]);

export function createHostMounts(): HostMounts {
  return {
    mount,
    bindBeneath: (base, path, target) => bindFrom(base, path, target, beneath),
    bindWithin: (base, path, target) => bindFrom(base, path, target, inRoot),
    below,
    unmount,
  };
}

async function mount(given: HostMount, signal: AbortSignal): Promise<void> {
  const wanted = { ...given, ...withinPage(given) };
  const plan = planMount(await withAddress(wanted, signal));
  const type = wanted.type === "" ? "none" : wanted.type;
  if (!/^[a-zA-Z0-9._-]{1,64}$/.test(type)) {
    throw new DuetError("invalid", "MOUNT_OPTION", `invalid mount type ${JSON.stringify(type)}`);
  }
  signal.throwIfAborted();
  if (networkTypes.has(type)) await mountAside(wanted, type, plan);
  else if (wanted.source === given.source) mountNow(wanted, type, plan);
  else mountFrom(wanted.source, () => mountNow(wanted, type, plan));
}

/** For an overlay of many layers, whose options are relative to its source. */
function mountFrom(folder: string, work: () => void): void {
  const before = process.cwd();
  process.chdir(folder);
  try {
    work();
  } finally {
    process.chdir(before);
  }
}

function mountNow(wanted: HostMount, type: string, plan: MountPlan): void {
  const { source, target } = wanted;
  const isBind = (plan.flags & bind) !== 0;
  const first = isBind ? plan.flags & (bind | recursive) : plan.flags;
  check(wanted, plan, trySystemCall(mountCall, source, target, type, first, plan.data));
  try {
    const settings = plan.flags & ~(bind | recursive);
    if (isBind && settings !== 0) {
      const flags = remountBind | settings;
      check(wanted, plan, trySystemCall(mountCall, source, target, null, flags, null));
    }
    if (plan.propagation !== 0) {
      const flags = plan.propagation;
      check(wanted, plan, trySystemCall(mountCall, "", target, null, flags, null));
    }
  } catch (error) {
    trySystemCall(unmountCall, target, detach);
    throw error;
  }
}

/** A server may not answer for minutes: not on this thread. */
async function mountAside(wanted: HostMount, type: string, plan: MountPlan): Promise<void> {
  const { source, target } = wanted;
  const result = await systemCallAside(mountCall, source, target, type, plan.flags, plan.data);
  if (result < 0) throw failed(wanted, plan, "the server refused it, or did not answer");
}

function check(wanted: HostMount, plan: MountPlan, result: number): void {
  if (result >= 0) return;
  const errno = -result;
  throw failed(wanted, plan, words[errnoName(errno)] ?? errnoName(errno));
}

/** strerror(3), for what Docker's message would say. */
const words: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENODEV: "no such device",
  EINVAL: "invalid argument",
  EPERM: "operation not permitted",
  EACCES: "permission denied",
  ENOTBLK: "block device required",
  EBUSY: "device or resource busy",
  ENOTDIR: "not a directory",
};

/** Docker's words. The data is left out: it may hold a password. */
function failed({ source, target }: HostMount, plan: MountPlan, why: string): DuetError {
  return new DuetError(
    "invalid",
    "MOUNT_FAILED",
    `failed to mount local volume: mount ${source}:${target}, flags: 0x${plan.flags.toString(16)}: ${why}`,
    { http: 500 },
  );
}

/** The kernel's clients take addresses only: a name in `addr=` is looked up first, as Docker does. */
async function withAddress(
  { type, options }: HostMount,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const at = options.findIndex((word) => word.startsWith("addr="));
  const name = options[at]?.slice("addr=".length) ?? "";
  if (!networkTypes.has(type) || name === "" || isIP(name) !== 0) return options;
  signal.throwIfAborted();
  try {
    const { address } = await lookup(name);
    return options.with(at, `addr=${address}`);
  } catch (cause) {
    throw new DuetError(
      "invalid",
      "MOUNT_FAILED",
      `error resolving passed in network volume address: lookup ${name.slice(0, 255)}: no such host`,
      { cause, http: 500 },
    );
  }
}

function bindFrom(base: string, path: string, target: string, resolving: number): void {
  const folder = trySystemCall(folderCall, base, openFolder);
  if (folder < 0) throw unreachable(path, -folder);
  let found = -1;
  try {
    found = openBelow(folder, path, resolving);
    const source = `/proc/self/fd/${found}`;
    const result = trySystemCall(mountCall, source, target, null, bind | recursive, null);
    if (result < 0) throw unreachable(path, -result);
  } finally {
    if (found >= 0) closeSync(found);
    closeSync(folder);
  }
}

function openBelow(folder: number, path: string, resolving: number): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(openPath), 0);
  how.writeBigUInt64LE(BigInt(resolving), 16);
  const found = trySystemCall(openCall, openat2, folder, path, how, how.length);
  if (found < 0) throw unreachable(path, -found);
  return found;
}

function unreachable(path: string, errno: number): DuetError {
  const name = errnoName(errno);
  const why = name === "EXDEV" ? "it leads out of the volume" : (words[name] ?? name);
  return new DuetError("invalid", "MOUNT_SUBPATH", `cannot access path ${path}: ${why}`, {
    http: 500,
  });
}

async function below(folder: string): Promise<readonly string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table.split("\n").map((line) => unescaped(line.split(" ")[4] ?? ""));
  return points.filter((point) => point === folder || point.startsWith(`${folder}/`)).toReversed();
}

/** proc(5): space, tab, newline and backslash stand as octal numbers. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

async function unmount(folder: string): Promise<void> {
  for (const point of await below(folder)) trySystemCall(unmountCall, point, detach);
  const left = await below(folder);
  if (left.length === 0) return;
  throw new DuetError("conflict", "MOUNT_BUSY", `cannot unmount ${left[0]}`);
}
