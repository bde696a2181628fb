import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { mediaTypes } from "../../domain/manifest.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { writeManifest } from "../../domain/write-image.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { BuildResult, StoreOptions } from "./build.ts";
import { recompressed, typed } from "./layer-compression.ts";

/** Results as they stand in the content store: to be kept from collection by whoever had them written. */
export interface WrittenResult {
  /** Of each result. */
  readonly manifests: readonly Descriptor[];
  /** Digest of each result's configuration. */
  readonly ids: readonly Digest[];
  /** Place of this host's among them, or of the first. */
  readonly main: number;
  /** The index; null where there is but one manifest. */
  readonly index: Descriptor | null;
  /** Everything that was written, and the layers. */
  readonly blobs: readonly Digest[];
}

/** Writes the manifests of results, and an index where there are several or where attestations are given. */
export async function writeResults(
  context: EngineContext,
  results: readonly BuildResult[],
  options: StoreOptions,
  signal: AbortSignal,
): Promise<WrittenResult> {
  if (results.length === 0) {
    throw new DuetError("invalid", "NO_RESULT", "there is nothing to make an image of");
  }
  const blobs: Digest[] = [];
  const manifests: Descriptor[] = [];
  const ids: Digest[] = [];
  for (const result of results) {
    const written = await writeOne(context, result, options, signal);
    manifests.push(written.manifest);
    ids.push(written.id);
    blobs.push(written.manifest.digest, written.id, ...written.layers);
  }
  const own = results.findIndex(
    ({ platform }) => platform.architecture === hostPlatform.architecture,
  );
  const main = Math.max(0, own);
  const isIndex = manifests.length > 1 || options.attestations.length > 0;
  const index = isIndex ? await writeIndex(context, results, manifests, options, blobs) : null;
  return { manifests, ids, main, index, blobs };
}

async function writeOne(
  context: EngineContext,
  { config, layers }: BuildResult,
  options: StoreOptions,
  signal: AbortSignal,
): Promise<{
  readonly manifest: Descriptor;
  readonly id: Digest;
  readonly layers: readonly Digest[];
}> {
  const kind = options.mediaTypes ?? "oci";
  const wanted = await recompressed(context, layers, options.compression, signal);
  const id = await context.content.write(config);
  const bytes = writeManifest(
    { digest: id, size: config.length },
    wanted.map((layer) => typed(layer, kind)),
    kind,
    options.annotations,
  );
  const digest = await context.content.write(bytes);
  const mediaType = kind === "docker" ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const manifest: Descriptor = { mediaType, digest, size: bytes.length };
  return { manifest, id, layers: wanted.map((layer) => layer.digest) };
}

async function writeIndex(
  context: EngineContext,
  results: readonly BuildResult[],
  written: readonly Descriptor[],
  { attestations, annotations, mediaTypes: kind }: StoreOptions,
  blobs: Digest[],
): Promise<Descriptor> {
  const manifests: object[] = written.map((manifest, index) => ({
    ...manifest,
    platform: results[index]!.platform,
  }));
  for (const [index, manifest] of written.entries()) {
    const own = attestations.filter(({ result }) => result === index);
    if (own.length > 0) manifests.push(await writeAttestations(context, manifest, own, blobs));
  }
  const mediaType = kind === "docker" ? mediaTypes.dockerList : mediaTypes.ociIndex;
  const bytes = encode({
    schemaVersion: 2,
    mediaType,
    manifests,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
  const digest = await context.content.write(bytes);
  blobs.push(digest);
  return { mediaType, digest, size: bytes.length };
}

const statementType = "application/vnd.in-toto+json";

/** As BuildKit's docs/attestations/attestation-storage.md lays them out. */
async function writeAttestations(
  context: EngineContext,
  subject: Descriptor,
  attestations: StoreOptions["attestations"],
  blobs: Digest[],
): Promise<object> {
  const write = async (content: Buffer): Promise<Digest> => {
    const digest = await context.content.write(content);
    blobs.push(digest);
    return digest;
  };
  const layers = [];
  const diffIds: Digest[] = [];
  for (const { statement: make, predicateType } of attestations) {
    const statement = make(subject.digest);
    const digest = await write(statement);
    diffIds.push(digest);
    const annotations = { "in-toto.io/predicate-type": predicateType };
    layers.push({ mediaType: statementType, digest, size: statement.length, annotations });
  }
  const config = encode({
    architecture: "unknown",
    os: "unknown",
    config: {},
    rootfs: { type: "layers", diff_ids: diffIds },
  });
  const manifest = encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: await write(config), size: config.length },
    layers,
  });
  return {
    mediaType: mediaTypes.ociManifest,
    digest: await write(manifest),
    size: manifest.length,
    annotations: {
      "vnd.docker.reference.digest": subject.digest,
      "vnd.docker.reference.type": "attestation-manifest",
    },
    platform: { architecture: "unknown", os: "unknown" },
  };
}

function encode(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
