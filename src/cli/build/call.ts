import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { BuildCall } from "../../client/build/builds.ts";
import type { SharedFolder } from "../../client/build/file-sync.ts";
import type { BuildSecret } from "../../client/build/session-services.ts";
import { splitCsv } from "../container/mount-option.ts";
import { usageError, type Flags } from "../flags.ts";
import { cacheSources, cacheTargets } from "./caches.ts";
import type { BuildOutput } from "./outputs.ts";
import type { BuildSource } from "./source.ts";

/** What the flags of `duet build` come to. Throws `invalid` for words that mean nothing. */
export function buildCall(
  flags: Flags,
  source: BuildSource,
  outputs: readonly BuildOutput[],
  environment: NodeJS.ProcessEnv,
): Omit<BuildCall, "onProgress"> {
  const contexts = contextsOf(flags.list("build-context"));
  return {
    options: new Map([
      ...source.options,
      ...argumentsOf(flags, environment),
      ...pairs("label:", flags.list("label")),
      ...contexts.options,
      ...plainOptions(flags),
    ]),
    exporters: outputs.map(({ type, attributes }) => ({ type, attributes })),
    cacheFrom: cacheSources(flags.list("cache-from")),
    cacheTo: cacheTargets(flags.list("cache-to")),
    entitlements: flags.list("allow"),
    place: source.place,
    shared: {
      folders: new Map([...source.folders, ...contexts.folders]),
      secrets: secretsOf(flags.list("secret"), environment),
      agents: agentsOf(flags.list("ssh"), environment),
      receive: outputs.find(({ receive }) => receive !== null)?.receive ?? null,
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
    ["attest:provenance", attestation(flags.string("provenance"), "mode")],
    ["attest:sbom", attestation(flags.string("sbom"), "")],
  ];
  return texts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}

/** `true`, `max` or `mode=max`; no attestation without a word, unlike Docker's default of a minimal one. */
function attestation(word: string | undefined, key: string): string | undefined {
  if (word === undefined || word === "false") return undefined;
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

/** `name=PATH`, `name=docker-image://IMAGE` or `name=URL`. */
function contextsOf(words: readonly string[]): {
  readonly options: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, SharedFolder>;
} {
  const options = new Map<string, string>();
  const folders = new Map<string, SharedFolder>();
  for (const [name, place] of pairs("", words)) {
    if (name === "" || place === "")
      throw usageError("BUILD_CONTEXT", "--build-context wants NAME=PLACE");
    if (place.startsWith("oci-layout:")) {
      throw usageError(
        "BUILD_CONTEXT",
        `duet build takes no context of an OCI layout · ${name}`,
        "docker buildx does; or 'duet load' it from a tar and use docker-image://NAME",
      );
    }
    if (/^[a-z-]+:\/\//.test(place) || /^[\w.-]+@/.test(place)) {
      options.set(`context:${name}`, place);
      continue;
    }
    const path = resolve(place);
    if (!existsSync(path))
      throw usageError("BUILD_CONTEXT", `no folder of the context ${name} · ${path}`);
    options.set(`context:${name}`, `local:${name}`);
    folders.set(name, { kind: "folder", path });
  }
  return { options, folders };
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

/** `default`, or `ID=SOCKET`. */
function agentsOf(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): ReadonlyMap<string, string> {
  return new Map(
    words.map((word): [string, string] => {
      const [id, path] = pairs("", [word])[0]!;
      const socket = path === "" ? environment["SSH_AUTH_SOCK"] : resolve(path);
      if (socket !== undefined && socket !== "") return [id, socket];
      throw usageError(
        "SSH_AGENT",
        "no ssh agent: SSH_AUTH_SOCK is not set",
        "start one, or name its socket",
      );
    }),
  );
}
