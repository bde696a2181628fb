import type {
  ContainerUpdateBody,
  DeviceMappingBody,
  HostConfig,
  RestartPolicy,
} from "../../client/api-types.ts";
import { compact } from "../../client/container-options.ts";
import { usageError, type Flags } from "../flags.ts";
import { parseBytes } from "../quantities.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { some, someKeys } from "./present.ts";
import { keyValues } from "./key-values.ts";
import { parseMount, tmpfsOf, volumesOf } from "./mount-option.ts";
import { networkModeOf } from "./networking.ts";
import { publishedPorts } from "./publish-option.ts";
import { securityOptions } from "./security-options.ts";

/** HostConfig for a command line of `run` or `create`. */
export function hostConfigOf(flags: Flags, terminal: Terminal): HostConfig {
  const text = (name: string): string | undefined =>
    flags.has(name) ? flags.string(name) : undefined;
  const list = (name: string): string[] | undefined => some(flags.list(name));
  const size: number[] = [terminal.rows(), terminal.columns()];
  return compact<HostConfig>({
    ...limitsOf(flags),
    ...deviceLimitsOf(flags),
    Isolation: text("isolation"),
    Runtime: text("runtime"),
    Binds: some(volumesOf(flags.list("volume")).binds),
    Mounts: some(flags.list("mount").map(parseMount)),
    Tmpfs: someKeys(tmpfsOf(flags.list("tmpfs"))),
    VolumesFrom: list("volumes-from"),
    VolumeDriver: text("volume-driver"),
    ContainerIDFile: text("cidfile"),
    NetworkMode: networkModeOf(flags),
    PortBindings: someKeys(publishedPorts(flags.list("publish"), []).bindings),
    PublishAllPorts: flags.boolean("publish-all") || undefined,
    RestartPolicy: restartPolicy(flags.string("restart") ?? "no"),
    AutoRemove: flags.boolean("rm") || undefined,
    Annotations: someKeys(keyValues(flags.list("annotation"))),
    CapAdd: list("cap-add"),
    CapDrop: list("cap-drop"),
    CgroupnsMode: text("cgroupns"),
    CgroupParent: text("cgroup-parent"),
    Dns: list("dns"),
    DnsOptions: some([...flags.list("dns-option"), ...flags.list("dns-opt")]),
    DnsSearch: list("dns-search"),
    ExtraHosts: some(flags.list("add-host").map(hostEntry)),
    GroupAdd: list("group-add"),
    IpcMode: text("ipc"),
    PidMode: text("pid"),
    UTSMode: text("uts"),
    UsernsMode: text("userns"),
    Links: list("link"),
    LogConfig: loggingOf(flags),
    OomScoreAdj: flags.integer("oom-score-adj"),
    Privileged: flags.boolean("privileged") || undefined,
    ReadonlyRootfs: flags.boolean("read-only") || undefined,
    SecurityOpt: some(securityOptions(flags.list("security-opt"))),
    StorageOpt: someKeys(keyValues(flags.list("storage-opt"))),
    Sysctls: someKeys(keyValues(flags.list("sysctl"))),
    ShmSize: flags.bytes("shm-size"),
    Init: flags.has("init") ? flags.boolean("init") : undefined,
    ConsoleSize: flags.boolean("tty") && terminal.outputIsTerminal ? size : undefined,
  });
}

/** The limits that `update` takes, too; only those given. */
export function limitsOf(flags: Flags): ContainerUpdateBody {
  const cpus = flags.decimal("cpus");
  const text = (name: string): string | undefined =>
    flags.has(name) ? flags.string(name) : undefined;
  return compact<ContainerUpdateBody>({
    Memory: flags.bytes("memory"),
    MemoryReservation: flags.bytes("memory-reservation"),
    MemorySwap: flags.bytes("memory-swap"),
    NanoCpus: cpus === undefined ? undefined : Math.round(cpus * 1e9),
    CpuShares: flags.integer("cpu-shares"),
    CpuPeriod: flags.integer("cpu-period"),
    CpuQuota: flags.integer("cpu-quota"),
    CpuRealtimePeriod: flags.integer("cpu-rt-period"),
    CpuRealtimeRuntime: flags.integer("cpu-rt-runtime"),
    CpusetCpus: text("cpuset-cpus"),
    CpusetMems: text("cpuset-mems"),
    PidsLimit: flags.integer("pids-limit"),
    BlkioWeight: flags.integer("blkio-weight"),
  });
}

function deviceLimitsOf(flags: Flags): HostConfig {
  const rates = (name: string): { Path: string; Rate: number }[] | undefined =>
    some(flags.list(name).map((word) => deviceRate(word, name)));
  const gpus = flags.string("gpus");
  return compact<HostConfig>({
    MemorySwappiness: flags.integer("memory-swappiness"),
    OomKillDisable: flags.boolean("oom-kill-disable") || undefined,
    Ulimits: some(flags.list("ulimit").map(ulimitOf)),
    BlkioWeightDevice: some(
      flags.list("blkio-weight-device").map((word) => {
        const { Path, Rate } = deviceRate(word, "blkio-weight-device");
        return { Path, Weight: Rate };
      }),
    ),
    Devices: some(flags.list("device").map(deviceOf)),
    DeviceCgroupRules: some(flags.list("device-cgroup-rule")),
    BlkioDeviceReadBps: rates("device-read-bps"),
    BlkioDeviceReadIOps: rates("device-read-iops"),
    BlkioDeviceWriteBps: rates("device-write-bps"),
    BlkioDeviceWriteIOps: rates("device-write-iops"),
    DeviceRequests:
      gpus === undefined
        ? undefined
        : [{ Count: gpus === "all" ? -1 : Number(gpus), Capabilities: [["gpu"]] }],
  });
}

/** `no`, `always`, `unless-stopped`, `on-failure[:N]`. */
export function restartPolicy(text: string): RestartPolicy {
  const match = /^(no|always|unless-stopped|on-failure)(?::(\d{1,6}))?$/.exec(text);
  if (match === null || (match[2] !== undefined && match[1] !== "on-failure")) {
    throw usageError(
      "BAD_RESTART",
      `invalid restart policy "${text}"`,
      "use no, always, unless-stopped or on-failure[:N]",
    );
  }
  return { Name: match[1]!, MaximumRetryCount: Number(match[2] ?? 0) };
}

function loggingOf(flags: Flags): HostConfig["LogConfig"] | undefined {
  const options = keyValues(flags.list("log-opt"));
  if (!flags.has("log-driver") && Object.keys(options).length === 0) return undefined;
  return { Type: flags.string("log-driver") ?? "", Config: options };
}

function ulimitOf(word: string): { Name: string; Soft: number; Hard: number } {
  const match = /^([a-z]{2,16})=(-?\d{1,15})(?::(-?\d{1,15}))?$/.exec(word);
  if (match === null)
    throw usageError("BAD_ULIMIT", `invalid ulimit argument: ${word}`, "write name=soft[:hard]");
  return { Name: match[1]!, Soft: Number(match[2]), Hard: Number(match[3] ?? match[2]) };
}

function deviceOf(word: string): DeviceMappingBody {
  const parts = word.split(":");
  const [source = "", second, third] = parts;
  const isMode = (text: string | undefined): boolean =>
    text !== undefined && /^[rwm]{1,3}$/.test(text);
  if (parts.length > 3 || source === "")
    throw usageError("BAD_DEVICE", `invalid device specification: ${word}`);
  return {
    PathOnHost: source,
    PathInContainer:
      second === undefined || (parts.length === 2 && isMode(second)) ? source : second,
    CgroupPermissions: (parts.length === 2 && isMode(second) ? second : third) ?? "rwm",
  };
}

function deviceRate(word: string, flag: string): { Path: string; Rate: number } {
  const colon = word.lastIndexOf(":");
  const rate = parseBytes(word.slice(colon + 1));
  const path = word.slice(0, Math.max(0, colon));
  if (rate === undefined || !path.startsWith("/dev/")) {
    throw usageError(
      "BAD_DEVICE_RATE",
      `invalid argument "${word}" for "--${flag}" flag`,
      "write /dev/name:rate",
    );
  }
  return { Path: path, Rate: rate };
}

/** `host:ip`, also `host=ip`. */
function hostEntry(word: string): string {
  const at = word.search(/[:=]/);
  if (at <= 0 || at === word.length - 1) {
    throw usageError(
      "BAD_HOST_ENTRY",
      `invalid argument "${word}" for "--add-host" flag: bad format`,
      "write host:ip",
    );
  }
  return `${word.slice(0, at)}:${word.slice(at + 1).replace(/^\[(.*)\]$/, "$1")}`;
}
