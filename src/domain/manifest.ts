import { DuetError } from "../kit/errors.ts";
import { JsonFields } from "../kit/json-fields.ts";
import { parseStrictJson } from "../kit/strict-json.ts";
import { digestOf, isDigest, type Digest } from "./digest.ts";
import type { Descriptor, Platform } from "./image.ts";
import { normalizePlatform } from "./platform.ts";

export { chainIds, checkLayerCount, parseImageConfig, type ImageConfig } from "./image-config.ts";
export { formatPlatform, normalizePlatform, parsePlatform, selectPlatform } from "./platform.ts";

/** OCI image-spec media-types.md, and Docker's image manifest version 2, schema 2. */
export const mediaTypes = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar",
  ociLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
} as const;

/** Bytes that a manifest, index or configuration may have; distribution's own limit for manifests. */
export const maximumManifestBytes = 4 << 20;
/** Of an image. */
export const maximumLayers = 512;
const maximumIndexEntries = 4_096;

/** A manifest of one image. */
export interface ImageManifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Base layer first. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ImageIndex {
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

export type ManifestKind = "manifest" | "index";

/** What a media type stands for; undefined for one that is neither. */
export function manifestKind(mediaType: string): ManifestKind | undefined {
  if (mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest)
    return "manifest";
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList
    ? "index"
    : undefined;
}

/**
 * The media type of a manifest's bytes. `declared` is the Content-Type that came with them, with or
 * without parameters; "" or one that says nothing (`application/json`, `text/plain`) leaves it to
 * the document. Throws `invalid` MANIFEST_INVALID where both speak and differ, `unsupported`
 * MANIFEST_UNSUPPORTED for Docker's schema 1 and for what is no image.
 */
export function manifestMediaType(bytes: Uint8Array, declared: string): string {
  const type = (declared.split(";")[0] ?? "").trim().toLowerCase();
  if (type.startsWith("application/vnd.docker.distribution.manifest.v1+")) throw schemaOne();
  const document = readDocument(bytes);
  const embedded = document.text("mediaType");
  const known = manifestKind(type) === undefined ? embedded : type;
  if (known === undefined) return guessedType(document);
  if (embedded !== undefined && embedded !== known) {
    throw invalidManifest(`it says it is ${quoted(embedded)} but came as ${quoted(known)}`);
  }
  if (manifestKind(known) === undefined) throw unsupportedType(known);
  return known;
}

/** OCI leaves `mediaType` out at times; an ambiguous document is refused by the parsers below. */
function guessedType(document: JsonFields): string {
  if (document.count("schemaVersion") === 1) throw schemaOne();
  return document.has("manifests") ? mediaTypes.ociIndex : mediaTypes.ociManifest;
}

/**
 * Parses the manifest of one image, OCI or Docker schema 2. Throws `invalid` MANIFEST_INVALID,
 * also for a document that another reader could take for an index, `unsupported`
 * MANIFEST_UNSUPPORTED for schema 1 and for artifacts that are no images.
 */
export function parseManifest(bytes: Uint8Array, mediaType: string): ImageManifest {
  const document = checkedDocument(bytes, mediaType, "manifest");
  const configFields = document.object("config");
  const layerFields = document.objects("layers");
  if (configFields === undefined) throw invalidManifest("it has no config");
  if (layerFields === undefined) throw invalidManifest("it has no layers");
  if (layerFields.length > maximumLayers)
    throw invalidManifest(`it has over ${maximumLayers} layers`);
  const config = readDescriptor(configFields);
  const layers = layerFields.map(readDescriptor);
  if (!isConfigType(config.mediaType)) throw unsupportedType(config.mediaType);
  for (const layer of layers)
    if (!isLayerType(layer.mediaType)) throw unsupportedType(layer.mediaType);
  const total = layers.reduce((sum, layer) => sum + layer.size, config.size);
  if (!Number.isSafeInteger(total)) throw invalidManifest("its layers are impossibly large");
  if (config.size > maximumManifestBytes) throw invalidManifest("its config is larger than 4 MiB");
  return { mediaType, config, layers, annotations: document.textMap("annotations") ?? {} };
}

/** What a manifest of whatever artifact, image or not, consists of. */
export interface ManifestParts {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/**
 * Reads what the manifest of an image, an attestation, a signature or another artifact consists of,
 * to move it as it is. Throws `invalid` MANIFEST_INVALID.
 */
export function parseManifestParts(bytes: Uint8Array, mediaType: string): ManifestParts {
  const document = checkedDocument(bytes, mediaType, "manifest");
  const config = document.object("config");
  const layers = document.objects("layers") ?? [];
  if (config === undefined) throw invalidManifest("it has no config");
  if (layers.length > maximumLayers) throw invalidManifest(`it has over ${maximumLayers} layers`);
  return { config: readDescriptor(config), layers: layers.map(readDescriptor) };
}

/** Whether a layer may not be given to registries (Docker's "foreign", OCI's "nondistributable"). */
export function isForeignLayer(mediaType: string): boolean {
  return mediaType.includes(".nondistributable.") || mediaType.includes(".foreign.");
}

/** Parses an OCI index or Docker manifest list. Throws `invalid` MANIFEST_INVALID. */
export function parseIndex(bytes: Uint8Array, mediaType: string): ImageIndex {
  const document = checkedDocument(bytes, mediaType, "index");
  const entries = document.objects("manifests");
  if (entries === undefined) throw invalidManifest("it has no manifests");
  if (entries.length > maximumIndexEntries)
    throw invalidManifest(`it lists over ${maximumIndexEntries} manifests`);
  return { mediaType, manifests: entries.map(readDescriptor) };
}

function readDocument(bytes: Uint8Array): JsonFields {
  const value = parseStrictJson(bytes, "the manifest", { maximumBytes: maximumManifestBytes });
  const document = new JsonFields(value, "", invalidManifest);
  document.refuseKeysThatDifferInCase();
  return document;
}

function checkedDocument(bytes: Uint8Array, mediaType: string, kind: ManifestKind): JsonFields {
  if (manifestKind(mediaType) !== kind)
    throw invalidManifest(`${quoted(mediaType)} is not the type of an image ${kind}`);
  const document = readDocument(bytes);
  const version = document.count("schemaVersion");
  if (version === 1) throw schemaOne();
  if (version !== 2) throw invalidManifest("its schemaVersion is not 2");
  const embedded = document.text("mediaType");
  if (embedded !== undefined && embedded !== mediaType) {
    throw invalidManifest(`it says it is ${quoted(embedded)} but came as ${quoted(mediaType)}`);
  }
  const foreign =
    kind === "manifest" ? ["manifests", "fsLayers"] : ["config", "layers", "fsLayers"];
  const ambiguous = foreign.find((key) => document.has(key));
  if (ambiguous !== undefined)
    throw invalidManifest(`it is ambiguous: an image ${kind} has no ${ambiguous}`);
  return document;
}

/** Reads a descriptor; `data`, where it carries the content itself, must be that content. */
export function readDescriptor(fields: JsonFields): Descriptor {
  fields.refuseKeysThatDifferInCase();
  const digest = fields.text("digest");
  const size = fields.count("size");
  if (!isDigest(digest))
    throw invalidManifest(`not a digest that Duet accepts: ${quoted(digest ?? "")}`);
  if (size === undefined) throw invalidManifest(`the descriptor of ${digest} has no size`);
  checkData(fields.text("data"), digest, size);
  const platform = readPlatform(fields.object("platform"));
  const annotations = fields.textMap("annotations");
  const artifactType = fields.text("artifactType");
  return {
    mediaType: fields.text("mediaType") ?? "",
    digest,
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

function readPlatform(fields: JsonFields | undefined): Platform | undefined {
  const os = fields?.text("os") ?? "";
  const architecture = fields?.text("architecture") ?? "";
  if (fields === undefined || os === "" || architecture === "") return undefined;
  return normalizePlatform({ os, architecture, variant: fields.text("variant") ?? "" });
}

function checkData(data: string | undefined, digest: Digest, size: number): void {
  if (data === undefined) return;
  const content = Buffer.from(data, "base64");
  if (content.length === size && digestOf(content) === digest) return;
  throw invalidManifest(`the data embedded for ${digest} is not what its digest and size say`);
}

/** They stand in manifests that Docker's first registries made (moby, distribution/registry.go). */
const formerTypes: readonly string[] = [
  "application/octet-stream",
  "application/json",
  "text/html",
  "",
];

function isConfigType(mediaType: string): boolean {
  const types: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig, ...formerTypes];
  return types.includes(mediaType);
}

/**
 * What Docker pulls: any type of an image's parts. How a layer is packed show its bytes; one that is
 * encrypted is refused by its type, where Docker finds it damaged.
 */
function isLayerType(mediaType: string): boolean {
  if (mediaType.length >= 200 || mediaType.includes("+encrypted")) return false;
  return (
    formerTypes.includes(mediaType) || /^application\/vnd\.(?:oci\.image|docker)\./.test(mediaType)
  );
}

function invalidManifest(why: string): DuetError {
  return new DuetError("invalid", "MANIFEST_INVALID", `the manifest is not valid: ${why}`);
}

function schemaOne(): DuetError {
  return new DuetError(
    "unsupported",
    "MANIFEST_UNSUPPORTED",
    "the image has a manifest of Docker's schema 1, which Docker itself gave up",
    { hint: "have the image pushed again with a current tool" },
  );
}

function unsupportedType(mediaType: string): DuetError {
  return new DuetError(
    "unsupported",
    "MANIFEST_UNSUPPORTED",
    `unsupported media type ${quoted(mediaType)}: no image`,
    {
      hint: "it may be another kind of artifact, such as a chart or a signature",
    },
  );
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}
