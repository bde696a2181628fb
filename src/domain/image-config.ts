import { DuetError } from "../kit/errors.ts";
import { JsonFields } from "../kit/json-fields.ts";
import { parseStrictJson } from "../kit/strict-json.ts";
import { digestOf, isDigest, type Digest } from "./digest.ts";
import type { ChainId, Healthcheck, ImageHistory, ImageProcess, Platform } from "./image.ts";
import { normalizePlatform } from "./platform.ts";
import { hostPlatform } from "./registry.ts";

/** An image's configuration (OCI image-spec config.md, with Docker's extensions), as ImageRecord wants it. */
export interface ImageConfig {
  readonly platform: Platform;
  /** RFC 3339, or "" where the image does not say or says no date. */
  readonly created: string;
  readonly author: string;
  readonly process: ImageProcess;
  readonly history: readonly ImageHistory[];
  readonly diffIds: readonly Digest[];
}

const maximumConfigBytes = 4 << 20;

/**
 * Parses a configuration blob, as tolerant as Docker of what real images leave out. Throws `invalid`
 * IMAGE_CONFIG_INVALID for wrong types, NUL in strings, or no `rootfs`.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const value = parseStrictJson(bytes, "the image's configuration", {
    maximumBytes: maximumConfigBytes,
  });
  const document = new JsonFields(value, "", invalidConfig);
  document.refuseKeysThatDifferInCase();
  const rootfs = document.object("rootfs");
  if (rootfs === undefined) throw invalidConfig("it has no rootfs");
  const type = rootfs.text("type") ?? "layers";
  if (type !== "layers") throw invalidConfig(`its rootfs is of type ${quoted(type)}, not layers`);
  return {
    platform: readPlatform(document),
    created: readDate(document),
    author: document.text("author") ?? "",
    process: readProcess(document.object("config")),
    history: (document.objects("history") ?? []).map(readHistory),
    diffIds: (rootfs.texts("diff_ids") ?? []).map(checkDiffId),
  };
}

/** Refuses a manifest whose layers are not one for one those of its configuration. */
export function checkLayerCount(layers: readonly unknown[], diffIds: readonly Digest[]): void {
  if (layers.length === diffIds.length) return;
  throw invalidConfig(`it names ${diffIds.length} layers where the manifest has ${layers.length}`);
}

/** The chain of each layer and all below it (OCI image-spec config.md, "Layer ChainID"). */
export function chainIds(diffIds: readonly Digest[]): readonly ChainId[] {
  const chains: ChainId[] = [];
  for (const diffId of diffIds) {
    const parent = chains.at(-1);
    chains.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chains;
}

function readPlatform(document: JsonFields): Platform {
  return normalizePlatform({
    os: document.text("os") || hostPlatform.os,
    architecture: document.text("architecture") || hostPlatform.architecture,
    variant: document.text("variant") ?? "",
  });
}

function readDate(fields: JsonFields): string {
  const text = fields.text("created") ?? "";
  return text.length <= 64 && Number.isFinite(Date.parse(text)) ? text : "";
}

function readHistory(fields: JsonFields): ImageHistory {
  return {
    created: readDate(fields),
    createdBy: fields.text("created_by") ?? "",
    author: fields.text("author") ?? "",
    comment: fields.text("comment") ?? "",
    emptyLayer: fields.flag("empty_layer") ?? false,
  };
}

function checkDiffId(text: string): Digest {
  if (isDigest(text)) return text;
  throw invalidConfig(`not a digest that Duet accepts: ${quoted(text)}`);
}

/** Of an image that says nothing. */
export const noProcess: ImageProcess = {
  user: "",
  env: [],
  entrypoint: null,
  command: null,
  workingDirectory: "",
  labels: {},
  exposedPorts: [],
  volumes: [],
  stopSignal: "",
  healthcheck: null,
  onBuild: [],
  shell: null,
};

function readProcess(fields: JsonFields | undefined): ImageProcess {
  if (fields === undefined) return noProcess;
  fields.refuseKeysThatDifferInCase();
  return {
    user: fields.text("User") ?? "",
    env: (fields.texts("Env") ?? []).filter((entry) => entry !== "" && !entry.startsWith("=")),
    entrypoint: readCommand(fields, "Entrypoint"),
    command: readCommand(fields, "Cmd"),
    workingDirectory: fields.text("WorkingDir") ?? "",
    labels: fields.textMap("Labels") ?? {},
    exposedPorts: (fields.object("ExposedPorts")?.keys() ?? []).flatMap(normalPort),
    volumes: fields.object("Volumes")?.keys() ?? [],
    stopSignal: fields.text("StopSignal") ?? "",
    healthcheck: readHealthcheck(fields.object("Healthcheck")),
    onBuild: fields.texts("OnBuild") ?? [],
    shell: fields.texts("Shell") ?? null,
  };
}

/** A list, or one string for a list of one, as Docker's StrSlice reads it. */
function readCommand(fields: JsonFields, key: string): readonly string[] | null {
  if (typeof fields.value(key) === "string") return [fields.text(key) ?? ""];
  return fields.texts(key) ?? null;
}

/** `80` and `80/TCP` become `80/tcp`; what is no port is left out. */
function normalPort(text: string): string[] {
  const match = /^(\d{1,5}(?:-\d{1,5})?)(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (match === null) return [];
  const ports = match[1]!.split("-").map(Number);
  if (ports.some((port) => port < 1 || port > 65_535) || ports[0]! > ports.at(-1)!) return [];
  return [`${match[1]}/${(match[2] ?? "tcp").toLowerCase()}`];
}

function readHealthcheck(fields: JsonFields | undefined): Healthcheck | null {
  if (fields === undefined) return null;
  return {
    test: fields.texts("Test") ?? [],
    interval: fields.count("Interval") ?? 0,
    timeout: fields.count("Timeout") ?? 0,
    startPeriod: fields.count("StartPeriod") ?? 0,
    startInterval: fields.count("StartInterval") ?? 0,
    retries: fields.count("Retries") ?? 0,
  };
}

function invalidConfig(why: string): DuetError {
  return new DuetError(
    "invalid",
    "IMAGE_CONFIG_INVALID",
    `the image's configuration is not valid: ${why}`,
  );
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}
