import type { LoadedImage, Repack } from "../../domain/archive.ts";
import type { ContentStore } from "../../domain/content.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import {
  checkLayerCount,
  maximumManifestBytes,
  mediaTypes,
  parseImageConfig,
} from "../../domain/manifest.ts";
import { formatReference, parseReference } from "../../domain/reference.ts";
import type { Compression } from "../../kit/decompress.ts";
import { DuetError } from "../../kit/errors.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { archiveInvalid, quoted } from "./invalid.ts";
import { memberName, type Members, type StoredMember } from "./members.ts";

/** One image of Docker's manifest.json: names of members, and references. */
export interface DockerEntry {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

const maximumImages = 1_000;
/** Layers that registries and other engines take, too. */
const layerTypes: Readonly<Partial<Record<Compression, string>>> = {
  none: mediaTypes.ociLayer,
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
};

/** Reads `manifest.json`; [] where the archive has none. */
export function dockerEntries(members: Members): readonly DockerEntry[] {
  const bytes = members.document("manifest.json");
  if (bytes === undefined) return [];
  const value = parseStrictJson(bytes, "manifest.json", { maximumBytes: maximumManifestBytes });
  const entries =
    new JsonFields({ entries: value }, "manifest.json", archiveInvalid).objects("entries") ?? [];
  if (entries.length > maximumImages) throw archiveInvalid(`it lists over ${maximumImages} images`);
  return entries.map((entry) => {
    entry.refuseKeysThatDifferInCase();
    return {
      config: memberName(Buffer.from(entry.text("Config") ?? "")),
      names: (entry.texts("RepoTags") ?? []).map((name) => formatReference(parseReference(name))),
      layers: (entry.texts("Layers") ?? []).map((name) => memberName(Buffer.from(name))),
    };
  });
}

/** The images of an archive with Docker's list alone: their manifests are made here and stored. */
export async function readDockerArchive(
  members: Members,
  content: ContentStore,
  repack: Repack | undefined,
): Promise<readonly LoadedImage[]> {
  const images: LoadedImage[] = [];
  const packing = repack === undefined ? undefined : onceEach(repack, content);
  for (const entry of dockerEntries(members)) {
    const manifest = await synthesize(entry, members, content, packing);
    images.push({ manifest, names: entry.names });
  }
  return images;
}

/** Packs a stored blob anew, one that several images or layers are made of but once. */
type RepackStored = (digest: Digest) => ReturnType<Repack>;

function onceEach(repack: Repack, content: ContentStore): RepackStored {
  const packed = new Map<Digest, Awaited<ReturnType<Repack>>>();
  return async (digest) => {
    const known = packed.get(digest) ?? (await repack(await content.stream(digest)));
    packed.set(digest, known);
    return known;
  };
}

async function synthesize(
  entry: DockerEntry,
  members: Members,
  content: ContentStore,
  repack: RepackStored | undefined,
): Promise<Descriptor> {
  const config = found(members, entry.config);
  checkConfigName(entry.config, config.digest);
  const { diffIds } = parseImageConfig(await content.read(config.digest, maximumManifestBytes));
  const layers = entry.layers.map((name) => found(members, name));
  checkLayerCount(layers, diffIds);
  layers.forEach((layer, index) => checkLayer(layer, diffIds[index]!));
  const stored: Descriptor[] = [];
  for (const [index, layer] of layers.entries())
    stored.push(await storedLayer(layer, diffIds[index]!, repack));
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.size },
    layers: stored,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = await content.write(bytes);
  return { mediaType: mediaTypes.ociManifest, digest, size: bytes.length };
}

/** As it is where registries take it so; else packed anew, as Docker pushes it. */
async function storedLayer(
  { compression, digest, size }: StoredMember,
  diffId: Digest,
  repack: RepackStored | undefined,
): Promise<Descriptor> {
  const mediaType = layerTypes[compression];
  if (mediaType !== undefined) return { mediaType, digest, size };
  if (repack === undefined) {
    throw new DuetError(
      "unsupported",
      "COMPRESSION_UNSUPPORTED",
      `a layer of the archive is compressed with ${compression}`,
      { hint: "compress the whole archive, or its layers with gzip or zstd" },
    );
  }
  const repacked = await repack(digest);
  if (repacked.diffId !== diffId) throw notPromised(repacked.diffId, diffId);
  return { mediaType: mediaTypes.ociLayerGzip, digest: repacked.digest, size: repacked.size };
}

function found(members: Members, name: string): StoredMember {
  const file = members.file(name);
  if (file !== undefined) return file;
  throw archiveInvalid(`it lacks ${quoted(name)}, which its manifest.json names`);
}

/** Docker names a configuration by its digest. */
function checkConfigName(name: string, digest: Digest): void {
  const promised = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  if (promised === undefined || digest === `sha256:${promised}`) return;
  throw new DuetError(
    "corrupt",
    "DIGEST_MISMATCH",
    `the configuration ${quoted(name)} has digest ${digest}`,
  );
}

/** Those of compressed layers show when they are unpacked. */
function checkLayer(layer: StoredMember, diffId: Digest): void {
  if (layer.compression !== "none" || layer.digest === diffId) return;
  throw notPromised(layer.digest, diffId);
}

function notPromised(found: Digest, diffId: Digest): DuetError {
  const message = `a layer has digest ${found}, not the promised ${diffId}`;
  return new DuetError("corrupt", "DIGEST_MISMATCH", message, { subject: diffId });
}
