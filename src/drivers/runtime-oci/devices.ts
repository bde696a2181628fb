import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Stats } from "node:fs";
import type { BlockDeviceLimit, DeviceMapping, SecuritySpec } from "../../domain/limits.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import type { OciBlockIo, OciDevice, OciDeviceNumber, OciDeviceRule } from "./oci-spec.ts";

/** Device nodes to make, and what the device cgroup allows. */
export interface DeviceAccess {
  readonly devices: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
  /** Shares and rates of block devices, by their numbers on this host. */
  readonly blockIo: OciBlockIo;
}

type Mapped = Pick<DeviceAccess, "devices" | "rules">;

/** Everything denied but null, zero, full, random, urandom, tty and console; runc adds the terminals. */
const defaultRules: readonly OciDeviceRule[] = [
  { allow: false, access: "rwm" },
  ...([
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
    [5, 1],
  ].map(([major, minor]) => ({
    allow: true,
    type: "c",
    major,
    minor,
    access: "rwm",
  })) as OciDeviceRule[]),
];

/** In /dev, but of another kind than devices that a container could share. */
const notShared = new Set([
  "pts",
  "shm",
  "fd",
  "mqueue",
  "console",
  ".lxc",
  ".lxd-mounts",
  ".udev",
]);

/**
 * Throws `invalid` DEVICE_INVALID for what is no device, and for rules that cannot be read, and
 * `unsupported` DEVICE_DRIVER where a driver of the engine is asked for.
 */
export async function resolveDevices(
  security: SecuritySpec,
  limits: readonly BlockDeviceLimit[],
): Promise<DeviceAccess> {
  refuseDrivers(security);
  const blockIo = await resolveBlockIo(limits);
  if (security.privileged) {
    return {
      devices: await devicesBelow("/dev", "/dev"),
      rules: [{ allow: true, access: "rwm" }],
      blockIo,
    };
  }
  const mapped = await Promise.all(security.devices.map(resolveMapping));
  return {
    devices: mapped.flatMap((one) => one.devices),
    rules: [
      ...defaultRules,
      ...mapped.flatMap((one) => one.rules),
      ...security.deviceCgroupRules.map(parseRule),
    ],
    blockIo,
  };
}

/** There are no device drivers: what asks for one fails at start, in Docker's words. */
function refuseDrivers({ deviceRequests = [] }: SecuritySpec): void {
  const [request] = deviceRequests;
  if (request === undefined) return;
  const capabilities = request.capabilities.map((words) => `[${words.join(" ")}]`).join(" ");
  const message =
    request.driver === "cdi"
      ? `CDI device injection failed: unresolvable CDI devices ${request.ids.join(", ")}`
      : `could not select device driver ${JSON.stringify(request.driver)} with capabilities: [${capabilities}]`;
  throw new DuetError("unsupported", "DEVICE_DRIVER", message, { http: 500 });
}

const blockIoKeys = {
  readBytes: "throttleReadBpsDevice",
  writeBytes: "throttleWriteBpsDevice",
  readOperations: "throttleReadIOPSDevice",
  writeOperations: "throttleWriteIOPSDevice",
} as const;

async function resolveBlockIo(limits: readonly BlockDeviceLimit[]): Promise<OciBlockIo> {
  const numbered = await Promise.all(
    limits.map(async (limit) => ({ ...limit, ...(await blockDeviceNumber(limit.path)) })),
  );
  const weights = numbered.filter(({ kind }) => kind === "weight");
  const rates = Object.entries(blockIoKeys).map(([kind, key]) => {
    const own = numbered.filter((limit) => limit.kind === kind);
    return [key, own.map(({ major, minor, value }) => ({ major, minor, rate: value }))] as const;
  });
  return {
    ...Object.fromEntries(rates.filter(([, list]) => list.length > 0)),
    ...(weights.length === 0
      ? {}
      : {
          weightDevice: weights.map(({ major, minor, value }) => ({ major, minor, weight: value })),
        }),
  };
}

async function blockDeviceNumber(path: string): Promise<OciDeviceNumber> {
  let facts: Stats;
  try {
    facts = await stat(path);
  } catch (cause) {
    const why = errnoOf(cause) === "ENOENT" ? "no such file or directory" : errnoOf(cause);
    throw new DuetError("invalid", "DEVICE_INVALID", `stat ${path}: ${why}`, { cause, http: 500 });
  }
  if (facts.isBlockDevice()) return deviceNumber(facts.rdev);
  throw invalid(path, "it is no block device");
}

async function resolveMapping(mapping: DeviceMapping): Promise<Mapped> {
  const permissions = mapping.permissions === "" ? "rwm" : mapping.permissions;
  if (!/^[rwm]{1,3}$/.test(permissions))
    throw invalid(mapping.hostPath, "its permissions are not of r, w and m");
  let path: string;
  let facts: Stats;
  try {
    path = await realpath(mapping.hostPath);
    facts = await stat(path);
  } catch (cause) {
    const why = errnoOf(cause) === "ENOENT" ? "no such file or directory" : errnoOf(cause);
    throw new DuetError(
      "invalid",
      "DEVICE_INVALID",
      `error gathering device information while adding custom device ${JSON.stringify(mapping.hostPath)}: ${why}`,
      { cause, http: 500 },
    );
  }
  const target = mapping.containerPath === "" ? mapping.hostPath : mapping.containerPath;
  const devices = facts.isDirectory()
    ? await devicesBelow(path, target)
    : [deviceOf(facts, target)];
  const found = devices.filter((device) => device !== undefined);
  if (found.length === 0) throw invalid(mapping.hostPath, "it is no device");
  return {
    devices: found,
    rules: found.map((device) => ({
      allow: true,
      type: device.type === "b" ? "b" : "c",
      major: device.major,
      minor: device.minor,
      access: permissions,
    })),
  };
}

function deviceOf(facts: Stats, path: string): OciDevice | undefined {
  if (!facts.isBlockDevice() && !facts.isCharacterDevice()) return undefined;
  return {
    path,
    type: facts.isBlockDevice() ? "b" : "c",
    ...deviceNumber(facts.rdev),
    fileMode: facts.mode & 0o777,
    uid: facts.uid,
    gid: facts.gid,
  };
}

/** major(3) and minor(3) of Linux's 32 low bits. */
function deviceNumber(rdev: number): { major: number; minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}

async function devicesBelow(folder: string, target: string): Promise<readonly OciDevice[]> {
  const names = (await readdir(folder)).filter((name) => !notShared.has(name));
  const found = await Promise.all(
    names.map(async (name): Promise<readonly OciDevice[]> => {
      const path = join(folder, name);
      const facts = await lstat(path).catch(() => undefined);
      if (facts === undefined) return [];
      if (facts.isDirectory()) return await devicesBelow(path, join(target, name));
      const device = deviceOf(facts, join(target, name));
      return device === undefined ? [] : [device];
    }),
  );
  return found.flat();
}

/** `c 1:3 rwm`, with `*` for any number; cgroup-v1/devices of the kernel's documentation. */
function parseRule(text: string): OciDeviceRule {
  const match = /^([abc]) (\d{1,10}|\*):(\d{1,10}|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) throw invalid(text, "a rule looks like `c 1:3 rwm`");
  const [, type, major, minor, access] = match;
  return {
    allow: true,
    type: type as "a" | "b" | "c",
    ...(major === "*" ? {} : { major: Number(major) }),
    ...(minor === "*" ? {} : { minor: Number(minor) }),
    access: access!,
  };
}

function invalid(what: string, why: string): DuetError {
  return new DuetError(
    "invalid",
    "DEVICE_INVALID",
    `cannot use the device ${JSON.stringify(what)}: ${why}`,
  );
}
