import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { BuildCall } from "../../client/build/builds.ts";
import type { BuildSecret } from "../../client/build/session-services.ts";
import type { Scope } from "../../kit/scope.ts";
import { splitCsv } from "../container/mount-option.ts";
import type { Context } from "../command.ts";
import { usageError, type Flags } from "../flags.ts";
import { sshAgents } from "./agents.ts";
import { cacheSources, cacheTargets } from "./caches.ts";
import { furtherContexts } from "./contexts.ts";
import type { BuildOutput } from "./outputs.ts";
import type { BuildSource } from "./source.ts";

/** What the flags of `duet build` come to. Throws `invalid` for words that mean nothing. */
export async function buildCall(
  { flags, terminal, signal }: Pick<Context, "flags" | "terminal" | "signal">,
  source: BuildSource,
  outputs: readonly BuildOutput[],
  environment: NodeJS.ProcessEnv,
  scope: Scope,
): Promise<Omit<BuildCall, "onProgress">> {
  const contexts = await furtherContexts(flags.list("build-context"));
  const warn = (line: string): void => terminal.warn(`WARNING: ${line}`);
  return {
    options: new Map([
      ...source.options,
      ...argumentsOf(flags, environment),
      ...pairs("label:", flags.list("label")),
      ...contexts.options,
      ...plainOptions(flags),
    ]),
    exporters: outputs.map(({ type, attributes }) => ({ type, attributes })),
    cacheFrom: await cacheSources(flags.list("cache-from"), warn),
    cacheTo: cacheTargets(flags.list("cache-to")),
    entitlements: flags.list("allow"),
    place: source.place,
    shared: {
      folders: new Map([...source.folders, ...contexts.folders]),
      secrets: secretsOf(flags.list("secret"), environment),
      agents: await sshAgents(flags.list("ssh"), environment, scope, signal),
      layouts: contexts.layouts,
      receivers: new Map(
        outputs.flatMap(({ receive }, place) => (receive === null ? [] : [[place, receive]])),
      ),
    },
  };
}

function plainOptions(flags: Flags): readonly (readonly [string, string])[] {
  const texts: readonly (readonly [string, string | undefined])[] = [
    ["target", flags.string("target")],
    ["platform", flags.list("platform").join(",") || undefined],
    [
      "no-cache",
      flags.boolean("no-cache") ? "" : flags.list("no-cache-filter").join(",") || undefined,
    ],
    ["image-resolve-mode", flags.boolean("pull") ? "pull" : undefined],
    ["force-network-mode", flags.string("network")],
    ["add-hosts", flags.list("add-host").map(hostPair).join(",") || undefined],
    ["shm-size", flags.bytes("shm-size")?.toString()],
    ["ulimit", flags.list("ulimit").join(",") || undefined],
    ["cgroup-parent", flags.string("cgroup-parent")],
    ["memory", flags.bytes("memory")?.toString()],
    ["memory-swap", flags.bytes("memory-swap")?.toString()],
    ...plainLimits.map((name) => [name, flags.string(name)] as const),
  ];
  return [
    ...texts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ...attestations(flags),
  ];
}

const plainLimits = [
  ...["cpus", "cpu-shares", "cpu-period", "cpu-quota", "cpuset-cpus", "cpuset-mems"],
] as const;

/** Of `--provenance`, `--sbom` and `--attest type=provenance|sbom[,...]`; the last word on each counts. */
function attestations(flags: Flags): readonly (readonly [string, string])[] {
  const asked = new Map<string, string | undefined>();
  for (const word of flags.list("attest")) {
    const fields = splitCsv(word);
    const type = fields.find((field) => field.startsWith("type="))?.slice("type=".length);
    if (type !== "provenance" && type !== "sbom") {
      const hint = "use type=provenance[,mode=max] or type=sbom";
      throw usageError("BUILD_ATTEST", `not a kind of attestation: ${type ?? word}`, hint);
    }
    const isOff = fields.some((field) => /^disabled=(?:1|t|true)$/i.test(field));
    const rest = fields.filter((field) => !/^(?:type|disabled)=/.test(field));
    asked.set(type, isOff ? undefined : rest.join(","));
  }
  const provenance = flags.string("provenance");
  if (provenance !== undefined) asked.set("provenance", attestation(provenance, "mode"));
  const sbom = flags.string("sbom");
  if (sbom !== undefined) asked.set("sbom", attestation(sbom, ""));
  return [...asked].flatMap(([type, value]) =>
    value === undefined ? [] : [[`attest:${type}`, value] as const],
  );
}

/** `true`, `max` or `mode=max`; no attestation without a word, unlike Docker's default of a minimal one. */
function attestation(word: string, key: string): string | undefined {
  if (word === "false") return undefined;
  if (word === "true" || word === "") return "";
  return key === "" || word.includes("=") ? word : `${key}=${word}`;
}

/** `host:address`, as `docker run` has it, or `host=address`. */
function hostPair(word: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(word);
  if (match === null) throw usageError("ADD_HOST", `not a host with its address: ${word}`);
  return `${match[1]}=${match[2]}`;
}

function argumentsOf(
  flags: Flags,
  environment: NodeJS.ProcessEnv,
): readonly (readonly [string, string])[] {
  const given = flags.list("build-arg").flatMap((word): [string, string][] => {
    const at = word.indexOf("=");
    if (at >= 0) return [[`build-arg:${word.slice(0, at)}`, word.slice(at + 1)]];
    const value = environment[word];
    return value === undefined ? [] : [[`build-arg:${word}`, value]];
  });
  const epoch = environment["SOURCE_DATE_EPOCH"];
  const isolation = oneOf(flags, "isolation", ["container", "vm"]);
  return [
    ...(epoch === undefined ? [] : [["build-arg:SOURCE_DATE_EPOCH", epoch] as const]),
    ...given,
    ...(isolation === undefined ? [] : [["build-arg:DUET_ISOLATION", isolation] as const]),
  ];
}

/** Throws `invalid` BAD_FLAG_VALUE for another word than these. */
export function oneOf(flags: Flags, name: string, words: readonly string[]): string | undefined {
  const value = flags.string(name);
  if (value === undefined || words.includes(value)) return value;
  throw usageError(
    "BAD_FLAG_VALUE",
    `invalid argument "${value}" for "--${name}" flag: use ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
  );
}

function pairs(prefix: string, words: readonly string[]): readonly (readonly [string, string])[] {
  return words.map((word) => {
    const at = word.indexOf("=");
    return at < 0 ? [prefix + word, ""] : [prefix + word.slice(0, at), word.slice(at + 1)];
  });
}

/** `id=NAME[,src=FILE|env=VARIABLE]`; without a source the variable NAME, else the file NAME. */
function secretsOf(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): ReadonlyMap<string, BuildSecret> {
  return new Map(
    words.map((word): [string, BuildSecret] => {
      const fields = new Map(pairs("", splitCsv(word)));
      const id = fields.get("id") ?? "";
      const file = fields.get("src") ?? fields.get("source");
      const variable = fields.get("env") ?? (file === undefined ? id : undefined);
      if (id === "") throw usageError("BUILD_SECRET", "--secret wants id=NAME");
      if (file !== undefined && fields.get("type") !== "env") return [id, fileSecret(id, file)];
      const value = environment[variable ?? file ?? ""];
      if (value !== undefined) return [id, { value }];
      if (fields.has("env"))
        throw usageError("BUILD_SECRET", `the variable ${variable} is not set`);
      return [id, fileSecret(id, id)];
    }),
  );
}

function fileSecret(id: string, file: string): BuildSecret {
  const path = resolve(file);
  if (existsSync(path)) return { file: path };
  throw usageError("BUILD_SECRET", `no file of the secret ${id} · ${path}`);
}
