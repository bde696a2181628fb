import { isIP } from "node:net";
import { parseGoBoolean } from "../../../kit/go-boolean.ts";
import { parseEpoch } from "../../../domain/build/epoch.ts";
import type { Isolation } from "../../../domain/identity.ts";
import type { Platform } from "../../../domain/image.ts";
import { parseUlimit, type ResourceLimits } from "../../../domain/limits.ts";
import { hostPlatform } from "../../../domain/registry.ts";
import { DuetError } from "../../../kit/errors.ts";
import { isolationArgument } from "../../docker/build/options.ts";
import { resourcesOf } from "../../docker/containers/spec/resources.ts";
import { parsePlatform } from "../../docker/platform.ts";

/** `--cache-from`: `registry` with `ref`, `local` with `src` and `digest`, and others. */
export interface CacheImport {
  readonly type: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** What a client says of a Dockerfile's build: options of BuildKit's front end dockerfile.v0. */
export interface BuildOptions {
  readonly file: string;
  readonly target: string;
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Contexts by name, as the client writes where they are: `local:DIRECTORY`, `docker-image://…`, a URL. */
  readonly contexts: ReadonlyMap<string, string>;
  /** Names that the client's session knows the two main folders by. */
  readonly contextFolder: string;
  readonly dockerfileFolder: string;
  /** Whether the Dockerfile comes from the session though the context does not. */
  readonly ownDockerfile: boolean;
  /** URL of the main context; "" where the session has it. */
  readonly contextUrl: string;
  /** Whether the main context's repository comes with its .git, where its URL does not say. */
  readonly keepGitFolder: boolean;
  /** Of RUN; null for BuildKit's. */
  readonly hostname: string | null;
  /** Keeps cache mounts apart; "" for all other builds'. */
  readonly cacheNamespace: string;
  readonly platforms: readonly Platform[];
  /** The result is told by platform even where there is one. */
  readonly multiPlatform: boolean;
  readonly noCache: boolean | readonly string[];
  readonly pull: boolean;
  readonly network: "default" | "none" | "host";
  readonly extraHosts: readonly string[];
  readonly resources: ResourceLimits | null;
  readonly sharedMemorySize: number;
  readonly cacheImports: readonly CacheImport[];
  readonly epoch: number | null;
  readonly inlineCache: boolean;
  readonly isolation: Isolation | null;
  /** Front end that the client wants instead of the Dockerfile's own `# syntax=`. */
  readonly syntax: string;
  /** `frontend.lint` and the like; "" for a build. */
  readonly request: string;
  /** `sbom` and `provenance` with their attributes, as asked for. */
  readonly attestations: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** `vcs:source`, `vcs:revision`: where the client's files come from, for provenance. */
  readonly origin: Readonly<Record<string, string>>;
}

/** Throws `invalid` BUILD_OPTION, `unsupported` BUILD_OPTION. */
export function readOptions(given: ReadonlyMap<string, string>): BuildOptions {
  const arguments_ = prefixed(given, "build-arg:");
  const isolation = readIsolation(arguments_.get(isolationArgument));
  arguments_.delete(isolationArgument);
  refuseUnknown(given);
  const platforms = list(given.get("platform")).map(readPlatform);
  return {
    file: given.get("filename") || "Dockerfile",
    target: given.get("target") ?? "",
    buildArguments: Object.fromEntries(arguments_),
    labels: Object.fromEntries(prefixed(given, "label:")),
    contexts: prefixed(given, "context:"),
    contextFolder: given.get("contextkey") || "context",
    dockerfileFolder: given.get("dockerfilekey") || "dockerfile",
    ownDockerfile: given.has("dockerfilekey"),
    contextUrl: given.get("context") ?? "",
    platforms: platforms.length > 0 ? platforms : [hostPlatform],
    multiPlatform:
      platforms.length > 1 ||
      isTrue(given.get("multi-platform") || arguments_.get("BUILDKIT_MULTI_PLATFORM")),
    keepGitFolder: isTrue(arguments_.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR")),
    hostname: given.get("hostname") || arguments_.get("BUILDKIT_SANDBOX_HOSTNAME") || null,
    cacheNamespace: arguments_.get("BUILDKIT_CACHE_MOUNT_NS") ?? "",
    noCache: given.has("no-cache") ? noCache(given.get("no-cache")!) : false,
    pull: given.get("image-resolve-mode") === "pull",
    network: readNetwork(given.get("force-network-mode") ?? ""),
    extraHosts: list(given.get("add-hosts")).map(readHost),
    resources: readResources(given),
    sharedMemorySize: wholeNumber("shm-size", given.get("shm-size") ?? "0"),
    cacheImports: readCacheImports(given.get("cache-imports")),
    epoch: readEpoch(arguments_.get("SOURCE_DATE_EPOCH")),
    inlineCache: isTrue(arguments_.get("BUILDKIT_INLINE_CACHE")),
    isolation,
    syntax: given.get("cmdline") || arguments_.get("BUILDKIT_SYNTAX") || "",
    request: given.get("requestid") ?? "",
    attestations: readAttestations(given),
    origin: Object.fromEntries(prefixed(given, "vcs:")),
  };
}

const refused = ["devices", "source-policy"];

function refuseUnknown(given: ReadonlyMap<string, string>): void {
  const found = refused.find((name) => given.has(name) && given.get(name) !== "");
  if (found === undefined) return;
  throw new DuetError(
    "unsupported",
    "BUILD_OPTION",
    `the option ${found} of builds is not supported`,
  );
}

function option(name: string, value: string): DuetError {
  const shown = JSON.stringify(value.slice(0, 100));
  return new DuetError("invalid", "BUILD_OPTION", `invalid ${name} of a build: ${shown}`);
}

function prefixed(given: ReadonlyMap<string, string>, prefix: string): Map<string, string> {
  const found = [...given].filter(([name]) => name.startsWith(prefix) && name !== prefix);
  return new Map(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

function list(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").filter((part) => part !== "");
}

function isTrue(text: string | undefined): boolean {
  return parseGoBoolean(text ?? "") === true;
}

function noCache(text: string): true | readonly string[] {
  const stages = list(text);
  return stages.length === 0 ? true : stages;
}

/** `local` is buildx's word for this host. */
function readPlatform(text: string): Platform {
  return (text === "local" ? null : parsePlatform(text)) ?? hostPlatform;
}

function readIsolation(text: string | undefined): Isolation | null {
  if (text === undefined || text === "") return null;
  if (text === "vm" || text === "container") return text;
  throw new DuetError(
    "invalid",
    "BUILD_OPTION",
    `invalid ${isolationArgument}: ${JSON.stringify(text.slice(0, 40))}`,
    { hint: `use --build-arg ${isolationArgument}=vm or ${isolationArgument}=container` },
  );
}

function readNetwork(text: string): "default" | "none" | "host" {
  if (text === "" || text === "sandbox" || text === "default") return "default";
  if (text === "none" || text === "host") return text;
  throw option("network mode", text);
}

/** `NAME=ADDRESS`, or `NAME:ADDRESS` of older clients. Messages are BuildKit's. */
function readHost(text: string): string {
  const shown = text.slice(0, 100);
  const [, name, given = ""] = /^([^=:\s]+)[=:](.+)$/.exec(text.toLowerCase()) ?? [];
  if (name === undefined) throw badHost(`invalid key-value pair ${shown}`);
  const address = /^\[(.*)\]$/.exec(given)?.[1] ?? given;
  // Go's net.ParseIP takes no zone.
  if (address !== "host-gateway" && (isIP(address) === 0 || address.includes("%"))) {
    throw badHost(`failed to parse IP ${given.slice(0, 100)}`);
  }
  return `${name}:${address}`;
}

function badHost(message: string): DuetError {
  return new DuetError("invalid", "BUILD_OPTION", `failed to parse additional hosts: ${message}`);
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (/^\d{1,15}$/.test(text) && Number.isSafeInteger(number)) return number;
  throw option(name, text);
}

function readEpoch(text: string | undefined): number | null {
  if (text === undefined || text === "" || text === "context") return null;
  const epoch = parseEpoch(text);
  if (epoch !== undefined) return epoch;
  throw option("SOURCE_DATE_EPOCH", text);
}

/** Limits of memory and processors are Duet's own options: BuildKit has none. */
function readResources(given: ReadonlyMap<string, string>): ResourceLimits | null {
  const ulimits = list(given.get("ulimit")).map((text) => {
    const found = parseUlimit(text);
    if (found === undefined) throw option("ulimit", text);
    return { Name: found.name, Soft: found.soft, Hard: found.hard };
  });
  const number = (name: string): number => {
    const text = given.get(name) ?? "";
    return name === "memory-swap" && text === "-1" ? -1 : wholeNumber(name, text || "0");
  };
  const limits = {
    Memory: number("memory"),
    MemorySwap: number("memory-swap"),
    NanoCpus: processors(given.get("cpus") ?? ""),
    CpuShares: number("cpu-shares"),
    CpuPeriod: number("cpu-period"),
    CpuQuota: number("cpu-quota"),
    CpusetCpus: given.get("cpuset-cpus") ?? "",
    CpusetMems: given.get("cpuset-mems") ?? "",
    CgroupParent: given.get("cgroup-parent") ?? "",
  };
  const isNone = Object.values(limits).every((value) => value === 0 || value === "");
  return isNone && ulimits.length === 0 ? null : resourcesOf({ ...limits, Ulimits: ulimits });
}

function processors(text: string): number {
  if (!/^\d{0,4}(?:\.\d{1,9})?$/.test(text)) throw option("cpus", text);
  return Math.round(Number(text) * 1e9);
}

function readCacheImports(text: string | undefined): readonly CacheImport[] {
  if (text === undefined || text === "") return [];
  let imports: unknown;
  try {
    imports = JSON.parse(text.slice(0, 1 << 20));
  } catch {
    throw option("cache-imports", text);
  }
  if (!Array.isArray(imports)) throw option("cache-imports", text);
  return imports.map((entry: unknown) => {
    const { Type, Attrs } = (entry ?? {}) as { Type?: unknown; Attrs?: object | null };
    const attributes = Object.entries(Attrs ?? {}).filter(
      (pair): pair is [string, string] => typeof pair[1] === "string",
    );
    return { type: typeof Type === "string" ? Type : "", attributes: new Map(attributes) };
  });
}

function readAttestations(
  given: ReadonlyMap<string, string>,
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const found = new Map<string, ReadonlyMap<string, string>>();
  for (const [kind, text] of prefixed(given, "attest:")) {
    const attributes = new Map(
      list(text).map((pair) => {
        const [name = "", ...value] = pair.split("=");
        return [name, value.join("=")] as const;
      }),
    );
    if (isTrue(attributes.get("disabled"))) continue;
    found.set(kind, attributes);
  }
  return found;
}
