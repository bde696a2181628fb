import { parseEpoch } from "../../../domain/build/epoch.ts";
import type { Isolation } from "../../../domain/identity.ts";
import type { Platform } from "../../../domain/image.ts";
import type { ResourceLimits } from "../../../domain/limits.ts";
import { formatReference, parseReference } from "../../../domain/reference.ts";
import { hostPlatform } from "../../../domain/registry.ts";
import type { BuildRequest } from "../../../engine/build/build.ts";
import { isolationOf } from "../containers/spec/isolation.ts";
import { resourcesOf } from "../containers/spec/resources.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, unsupported } from "../failures.ts";
import { parsePlatform } from "../platform.ts";
import type { Query } from "../query.ts";
import { parseBoundedJson } from "../strict-json.ts";

/** What a request for a build says, beside the files. */
export interface ClassicOptions {
  /** Path of the Dockerfile below the context. */
  readonly dockerfile: string;
  readonly names: readonly string[];
  /** URL of the context; "" where it is the request's body. */
  readonly remote: string;
  readonly isQuiet: boolean;
  readonly request: Omit<BuildRequest, "dockerfile">;
}

/** Chooses the isolation where a client has no better place for it, as `docker buildx build` hasn't. */
export const isolationArgument = "DUET_ISOLATION";

/** Throws `invalid` and `unsupported`. */
export function readClassicOptions(exchange: Exchange): ClassicOptions {
  const { query } = exchange;
  refuseOthers(query);
  const given = pairs(query, "buildargs");
  const { [isolationArgument]: asked = "", ...buildArguments } = given;
  const network = networkOf(query.text("networkmode"));
  return {
    dockerfile: dockerfilePath(query.text("dockerfile")),
    names: namesOf(query.all("t")),
    remote: query.text("remote"),
    isQuiet: query.flag("q"),
    request: {
      buildArguments,
      target: query.text("target"),
      platform: platformOf(query.text("platform")),
      labels: pairs(query, "labels"),
      contexts: {},
      noCache: query.flag("nocache"),
      pull: query.flag("pull"),
      cacheFrom: texts(query, "cachefrom"),
      isolation: isolation(query.text("isolation") || asked, exchange.defaultIsolation),
      network,
      extraHosts: query.all("extrahosts").map(hostOf),
      resources: limitsOf(query),
      sharedMemorySize: query.integer("shmsize") ?? 0,
      allowInsecure: false,
      allowHostNetwork: network === "host",
      epoch: epochOf(buildArguments["SOURCE_DATE_EPOCH"]),
      inlineCache: ["1", "true"].includes(buildArguments["BUILDKIT_INLINE_CACHE"] ?? ""),
    },
  };
}

function refuseOthers(query: Query): void {
  const version = query.text("version");
  if (!["", "1", "2"].includes(version)) {
    throw invalid(`invalid version ${JSON.stringify(version.slice(0, 20))}`);
  }
  if (version === "2") {
    throw unsupported(
      `this path builds by version 1 of the builder only`,
      "build with a client that speaks to /grpc, as docker build has since 23.0",
    );
  }
  if (query.flag("squash")) {
    throw invalid("squash is only supported with experimental mode");
  }
  if (!["", "[]", "null"].includes(query.text("outputs"))) {
    throw unsupported("outputs need version 2 of the builder", "use docker buildx or duet build");
  }
  if (!["", "[]", "null"].includes(query.text("securityopt"))) {
    throw invalid("security options are not supported on linux");
  }
}

function isolation(text: string, otherwise: Isolation): Isolation {
  if (!["", "default", "container", "vm"].includes(text.toLowerCase())) {
    throw invalid(`unsupported isolation: ${JSON.stringify(text.slice(0, 40))}`);
  }
  return isolationOf(text, "", otherwise);
}

/** As moby cleans it: below the context, whatever it says. */
function dockerfilePath(text: string): string {
  const path = text.replace(/^\/+/, "");
  return path === "" ? "Dockerfile" : path;
}

function namesOf(given: readonly string[]): readonly string[] {
  const names = given
    .filter((name) => name !== "")
    .map((name) => {
      const reference = parseReference(name);
      if (reference.digest !== null) throw invalid("build tag cannot contain a digest");
      return formatReference(reference);
    });
  return [...new Set(names)];
}

function platformOf(text: string): Platform {
  return parsePlatform(text) ?? hostPlatform;
}

function networkOf(text: string): "default" | "none" | "host" {
  if (text === "" || text === "default" || text === "bridge") return "default";
  if (text === "none" || text === "host") return text;
  throw unsupported(
    `builds cannot use the network ${text.slice(0, 80)}`,
    "use default, none or host",
  );
}

function hostOf(text: string): string {
  if (!/^[^:=\s]{1,255}[:=]\S{1,100}$/.test(text)) {
    throw invalid(`invalid value for extra-hosts: ${JSON.stringify(text.slice(0, 100))}`);
  }
  return text.includes(":") ? text : text.replace("=", ":");
}

function limitsOf(query: Query): ResourceLimits | null {
  const limits = {
    Memory: query.integer("memory") ?? 0,
    MemorySwap: query.integer("memswap") ?? 0,
    CpuShares: query.integer("cpushares") ?? 0,
    CpuPeriod: query.integer("cpuperiod") ?? 0,
    CpuQuota: query.integer("cpuquota") ?? 0,
    CpusetCpus: query.text("cpusetcpus"),
    CpusetMems: query.text("cpusetmems"),
    CgroupParent: query.text("cgroupparent"),
    Ulimits: ulimitsOf(query),
  };
  const isNone = Object.values(limits).every(
    (value) => value === 0 || value === "" || (Array.isArray(value) && value.length === 0),
  );
  return isNone ? null : resourcesOf(limits);
}

function ulimitsOf(query: Query): { Name: string; Soft: number; Hard: number }[] {
  const value = jsonOf(query, "ulimits");
  if (value === null) return [];
  if (!Array.isArray(value)) throw badJson("ulimits");
  return value.map((each) => {
    const of = (key: string): unknown =>
      typeof each === "object" && each !== null ? Reflect.get(each, key) : undefined;
    const [name, soft, hard] = [of("Name"), of("Soft"), of("Hard")];
    if (typeof name !== "string" || typeof soft !== "number" || typeof hard !== "number") {
      throw badJson("ulimits");
    }
    return { Name: name, Soft: soft, Hard: hard };
  });
}

/** An object of texts; what is null in it is as if it were not there. */
function pairs(query: Query, name: string): Record<string, string> {
  const value = jsonOf(query, name);
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw badJson(name);
  const found: [string, string][] = [];
  for (const [key, text] of Object.entries(value)) {
    if (text === null) continue;
    if (typeof text !== "string" || key === "" || key.includes("=") || key.includes("\0")) {
      throw badJson(name);
    }
    found.push([key, text]);
  }
  return Object.fromEntries(found);
}

function texts(query: Query, name: string): readonly string[] {
  const value = jsonOf(query, name);
  if (value === null) return [];
  if (!Array.isArray(value) || !value.every((each) => typeof each === "string")) {
    throw badJson(name);
  }
  return value;
}

function jsonOf(query: Query, name: string): ReturnType<typeof parseBoundedJson> | null {
  const text = query.text(name);
  return text === "" ? null : parseBoundedJson(text);
}

function badJson(name: string): Error {
  return invalid(`error reading ${name}: it is not what it should be`);
}

function epochOf(text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  const epoch = parseEpoch(text);
  if (epoch !== undefined) return epoch;
  throw invalid(`invalid SOURCE_DATE_EPOCH: ${JSON.stringify(text.slice(0, 40))}`);
}
