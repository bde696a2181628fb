import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { LoggingSpec } from "../domain/container.ts";
import type { Isolation } from "../domain/identity.ts";
import type { ProxySettings } from "../domain/registry.ts";
import { parseUlimit } from "../domain/limits.ts";
import { parseByteSize } from "../kit/byte-size.ts";
import { DuetError, errnoOf, reasonOf } from "../kit/errors.ts";
import type { LogEvent } from "../kit/log.ts";
import { chooseProxies, isGivenProxies, proxyNames, type GivenProxies } from "./proxies.ts";
import { sortHosts, type Hosts, type TlsFiles } from "./hosts.ts";

/** What the daemon is told, from flags over /etc/duet/config.json over defaults. Times and sizes carry their unit. */
export interface DaemonConfig {
  readonly dataRoot: string;
  readonly runDirectory: string;
  readonly hosts: Hosts;
  /** Files of TLS, where the API is served over TCP; its clients must always prove who they are. */
  readonly tls: TlsFiles;
  /** Name or number of the group that may use the socket. */
  readonly group: string;
  readonly logLevel: LogEvent["level"];
  readonly defaultIsolation: Isolation;
  /** Names, beside local ones, that clients may call the API by on the unix socket. */
  readonly allowedHosts: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  /** URLs of mirrors by the registry that they are asked before. */
  readonly mirrorsOf: Readonly<Record<string, readonly string[]>>;
  /** File that says which images may be pulled, and which must be signed; "" lets all in. */
  readonly imagePolicy: string;
  /** Bytes that the data root may take before pulls, loads and builds are refused; 0 for no limit. */
  readonly storeLimit: number;
  /** CIDR blocks of loopback or link-local addresses that ADD and remote contexts may fetch from. */
  readonly buildAddresses: readonly string[];
  /** By which registries are reached. */
  readonly proxies: ProxySettings;
  /** Absolute path of an OCI runtime; "" probes for one. */
  readonly ociRuntime: string;
  /** Virtual machines kept restored and waiting. */
  readonly vmPoolSize: number;
  /** Boot each virtual machine from its kernel instead of cloning a template. */
  readonly vmColdBoot: boolean;
  readonly addressPools: readonly { readonly base: string; readonly size: number }[];
  readonly cgroupParent: string;
  /** `name=soft[:hard]` each, for workloads that do not say. */
  readonly defaultUlimits: readonly string[];
  /** Of containers that name no log driver; its options, also of those that name the same one. */
  readonly logging: LoggingSpec;
  /** Folder of duet-shim, duet-agent, duet-rootfs and duet-opener.so; "" finds them beside this program. */
  readonly nativeDirectory: string;
}

const defaultConfigPath = "/etc/duet/config.json";
const defaultDataRoot = "/var/lib/duet";
const defaultRunDirectory = "/run/duet";
/** Where `duet certs create` puts them. */
const certificatesFolder = "/etc/duet/certs";

type Reader = (value: unknown) => unknown;

const text: Reader = (value) => (typeof value === "string" ? value : undefined);
const flag: Reader = (value) => (typeof value === "boolean" ? value : undefined);
const texts: Reader = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
const mirrors: Reader = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((urls) => texts(urls) !== undefined)
    ? value
    : undefined;
const count: Reader = (value) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 64
    ? value
    : undefined;
const bytes: Reader = (value) =>
  typeof value === "string" && parseByteSize(value) !== undefined ? value : undefined;
const oneOf =
  (...words: string[]): Reader =>
  (value) =>
    typeof value === "string" && words.includes(value) ? value : undefined;
const ulimits: Reader = (value) =>
  Array.isArray(value) && value.every((item) => parseUlimit(item) !== undefined)
    ? value
    : undefined;
const options: Reader = (value) =>
  typeof value === "object" && value !== null && texts(Object.values(value)) !== undefined
    ? value
    : undefined;
const proxies: Reader = (value) => (isGivenProxies(value) ? value : undefined);
const pools: Reader = (value) =>
  Array.isArray(value) &&
  value.every((item: unknown) => {
    const pool = item as { base?: unknown; size?: unknown } | null;
    return typeof pool?.base === "string" && typeof pool.size === "number";
  })
    ? value
    : undefined;

/** What the file says: the same, with the names that the clients read too. */
type GivenConfig = Omit<
  DaemonConfig,
  "runDirectory" | "hosts" | "tls" | "proxies" | "storeLimit" | "logging"
> & {
  readonly storeLimit: string;
  readonly proxies: GivenProxies;
  readonly runDir: string;
  readonly host: string;
  readonly hosts: readonly string[];
  readonly tlsverify: boolean;
  readonly tlscacert: string;
  readonly tlscert: string;
  readonly tlskey: string;
  readonly logDriver: string;
  readonly logOpts: LoggingSpec["options"];
};

/** Keys of the file, each with its check and what it must be. */
const keys: Readonly<Record<keyof GivenConfig, readonly [read: Reader, must: string]>> = {
  dataRoot: [text, "a folder"],
  runDir: [text, "a folder"],
  host: [text, "a path, or a unix:// or tcp:// URL"],
  hosts: [texts, "a list of unix:// and tcp:// URLs"],
  tlsverify: [flag, "true or false"],
  tlscacert: [text, "a file"],
  tlscert: [text, "a file"],
  tlskey: [text, "a file"],
  group: [text, "a group's name or number"],
  logLevel: [oneOf("debug", "info", "warn", "error"), "debug, info, warn or error"],
  defaultIsolation: [oneOf("container", "vm"), "container or vm"],
  allowedHosts: [texts, "a list of host names"],
  insecureRegistries: [texts, "a list of host[:port]"],
  registryMirrors: [texts, "a list of URLs"],
  mirrorsOf: [mirrors, 'such as {"registry.example.com": ["https://mirror.example.com"]}'],
  imagePolicy: [text, "a file"],
  storeLimit: [bytes, "a size such as 20g"],
  buildAddresses: [texts, "a list of CIDR blocks"],
  proxies: [proxies, 'such as {"https-proxy": "http://proxy:3128", "no-proxy": "10.0.0.0/8"}'],
  ociRuntime: [text, "a path"],
  vmPoolSize: [count, "a number from 0 to 64"],
  vmColdBoot: [flag, "true or false"],
  addressPools: [pools, 'a list of {"base": "10.10.0.0/16", "size": 24}'],
  cgroupParent: [text, "a cgroup path such as /duet"],
  defaultUlimits: [ulimits, 'a list of limits such as "nofile=1024:4096"'],
  logDriver: [text, "a log driver such as json-file or syslog"],
  logOpts: [options, 'texts by name such as {"max-size": "20m"}; as a flag max-size=20m'],
  nativeDirectory: [text, "a folder"],
};

const flags = {
  config: { type: "string" },
  "data-root": { type: "string" },
  "run-dir": { type: "string" },
  host: { type: "string", multiple: true, short: "H" },
  tlsverify: { type: "boolean" },
  tlscacert: { type: "string" },
  tlscert: { type: "string" },
  tlskey: { type: "string" },
  group: { type: "string" },
  "log-level": { type: "string" },
  "default-isolation": { type: "string" },
  "insecure-registry": { type: "string", multiple: true },
  "registry-mirror": { type: "string", multiple: true },
  "image-policy": { type: "string" },
  "store-limit": { type: "string" },
  "build-address": { type: "string", multiple: true },
  "http-proxy": { type: "string" },
  "https-proxy": { type: "string" },
  "no-proxy": { type: "string" },
  "oci-runtime": { type: "string" },
  "vm-pool-size": { type: "string" },
  "vm-cold-boot": { type: "boolean" },
  "cgroup-parent": { type: "string" },
  "default-ulimit": { type: "string", multiple: true },
  "log-driver": { type: "string" },
  "log-opt": { type: "string", multiple: true },
  "native-directory": { type: "string" },
} as const;

type OwnFlag = Exclude<keyof typeof flags, "config" | keyof GivenProxies>;

const keyOfFlag: Readonly<Record<OwnFlag, keyof GivenConfig>> = {
  "data-root": "dataRoot",
  "run-dir": "runDir",
  host: "hosts",
  tlsverify: "tlsverify",
  tlscacert: "tlscacert",
  tlscert: "tlscert",
  tlskey: "tlskey",
  group: "group",
  "log-level": "logLevel",
  "default-isolation": "defaultIsolation",
  "insecure-registry": "insecureRegistries",
  "registry-mirror": "registryMirrors",
  "image-policy": "imagePolicy",
  "store-limit": "storeLimit",
  "build-address": "buildAddresses",
  "oci-runtime": "ociRuntime",
  "vm-pool-size": "vmPoolSize",
  "vm-cold-boot": "vmColdBoot",
  "cgroup-parent": "cgroupParent",
  "default-ulimit": "defaultUlimits",
  "log-driver": "logDriver",
  "log-opt": "logOpts",
  "native-directory": "nativeDirectory",
};

/** The text of `duetd --help`: each flag, and what it must be. */
export function daemonUsage(): string {
  const words = Object.entries(keyOfFlag).map(([name, key]) => [name, keys[key][1]] as const);
  const proxyWords = proxyNames.map((name) => [name, "a URL, or hosts without one"] as const);
  const rows = [
    ["config", `a file (default ${defaultConfigPath})`] as const,
    ...words,
    ...proxyWords,
  ];
  return [
    "Usage:  duetd [OPTIONS]",
    "",
    "Runs Duet's daemon in the foreground. Flags win over the configuration file.",
    "",
    "Options:",
    ...rows.map(([name, must]) => `  --${name.padEnd(20)}${must}`),
    "  --version             Print the version and quit",
    "  --help                Print usage",
  ].join("\n");
}

/** Reads flags and file. Throws `invalid` CONFIG_INVALID naming the key and what it must be. */
export async function readConfig(argv: readonly string[]): Promise<DaemonConfig> {
  const { values } = parseFlags(argv);
  const fromFile = await readConfigFile(values.config);
  const given: Record<string, unknown> = { ...fromFile };
  for (const [name, key] of Object.entries(keyOfFlag)) {
    const value = values[name as keyof typeof keyOfFlag];
    if (value === undefined) continue;
    given[key] = fromFlag(key, value);
  }
  const {
    host,
    hosts = host === undefined ? [] : [host],
    runDir,
    tlsverify,
    tlscacert,
    tlscert,
    tlskey,
    storeLimit = "0",
    proxies: ofFile = {},
    logDriver = "",
    logOpts = {},
    ...checked
  } = checkKeys(given);
  const runDirectory = resolve(runDir ?? defaultRunDirectory);
  const file = (path: string | undefined, name: string): string =>
    resolve(path ?? join(certificatesFolder, name));
  return {
    group: "",
    logLevel: "info",
    defaultIsolation: "container",
    allowedHosts: [],
    insecureRegistries: [],
    registryMirrors: [],
    mirrorsOf: {},
    imagePolicy: "",
    buildAddresses: [],
    ociRuntime: "",
    vmPoolSize: 2,
    vmColdBoot: false,
    addressPools: [],
    cgroupParent: "/duet",
    defaultUlimits: [],
    nativeDirectory: "",
    ...checked,
    proxies: chooseProxies({ ...ofFile, ...proxiesOfFlags(values) }, process.env),
    dataRoot: resolve(checked.dataRoot ?? defaultDataRoot),
    storeLimit: parseByteSize(storeLimit) ?? 0,
    logging: { driver: logDriver || "json-file", options: logOpts },
    runDirectory,
    hosts: sortHosts(hosts, join(runDirectory, "docker.sock"), tlsverify === true),
    tls: {
      authority: file(tlscacert, "ca.pem"),
      certificate: file(tlscert, "server-cert.pem"),
      key: file(tlskey, "server-key.pem"),
    },
  };
}

/** A flag's value as the file would have it. */
function fromFlag(key: keyof GivenConfig, value: string | boolean | readonly string[]): unknown {
  if (key === "vmPoolSize") return Number(value);
  if (key !== "logOpts" || !Array.isArray(value)) return value;
  return Object.fromEntries(
    value.map((text: string) => [text.split("=", 1)[0], text.replace(/^[^=]*=?/, "")]),
  );
}

function proxiesOfFlags(values: GivenProxies): GivenProxies {
  return Object.fromEntries(
    proxyNames.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: flags, strict: true, allowPositionals: false });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DuetError("invalid", "CONFIG_INVALID", `cannot read the daemon's flags: ${message}`, {
      cause,
      hint: `the flags are ${Object.keys(flags)
        .map((name) => `--${name}`)
        .join(", ")}`,
    });
  }
}

async function readConfigFile(given: string | undefined): Promise<Record<string, unknown>> {
  const path = given ?? defaultConfigPath;
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (error) {
    if (given === undefined && errnoOf(error) === "ENOENT") return {};
    const why = reasonOf(error) ?? String(error);
    throw new DuetError(
      "invalid",
      "CONFIG_INVALID",
      `cannot read the configuration · ${why} · ${path}`,
      { cause: error },
    );
  }
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DuetError("invalid", "CONFIG_INVALID", `${path} is not JSON: ${why}`, { cause });
  }
  throw new DuetError("invalid", "CONFIG_INVALID", `${path} must hold a JSON object`);
}

function checkKeys(given: Readonly<Record<string, unknown>>): Partial<GivenConfig> {
  const known = new Map<string, readonly [Reader, string]>(Object.entries(keys));
  for (const [key, value] of Object.entries(given)) {
    const entry = known.get(key);
    if (entry === undefined) {
      throw new DuetError(
        "invalid",
        "CONFIG_INVALID",
        `unknown configuration key ${JSON.stringify(key)}`,
        {
          hint: `the keys are ${[...known.keys()].join(", ")}`,
        },
      );
    }
    if (entry[0](value) === undefined) {
      throw new DuetError(
        "invalid",
        "CONFIG_INVALID",
        `configuration key ${key} must be ${entry[1]}`,
      );
    }
  }
  return given;
}

/** A short name of this daemon among several on one host: names its bridges and tables. */
export function instanceName(config: DaemonConfig): string {
  if (config.dataRoot === defaultDataRoot) return "duet";
  return createHash("sha256").update(config.dataRoot).digest("hex").slice(0, 6);
}
