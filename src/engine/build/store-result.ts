import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageRecord } from "../../domain/image.ts";
import { mediaTypes } from "../../domain/manifest.ts";
import { familiarReference, formatReference, parseReference } from "../../domain/reference.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { writeManifest } from "../../domain/write-image.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import { readParts, unpackImage } from "../images/assemble.ts";
import type { BuildResult, BuildUseCases, StoredBuild } from "./build.ts";

type StoreOptions = Parameters<BuildUseCases["store"]>[1];

/** Makes an image of results, and an index where there are several or where attestations are given. */
export async function storeResult(
  context: EngineContext,
  results: readonly BuildResult[],
  options: StoreOptions,
  signal: AbortSignal,
): Promise<StoredBuild> {
  const names = options.names.map(nameOf);
  const stored = await context.collection.keep(signal, async () => {
    const images: ImageRecord[] = [];
    for (const result of results) images.push(await writeImage(context, result, options, signal));
    const own = images.find(({ platform }) => platform.architecture === hostPlatform.architecture);
    const chosen = own ?? images[0];
    if (chosen === undefined) {
      throw new DuetError("invalid", "NO_RESULT", "there is nothing to make an image of");
    }
    const isIndex = images.length > 1 || options.attestations.length > 0;
    const target = isIndex ? await writeIndex(context, results, images, options) : chosen.manifest;
    await failpoint("build.written");
    context.store.transaction(() => {
      for (const each of images) context.store.images.put(each);
      const taggedAt = Date.now();
      const others = images.filter((each) => each !== chosen).map(({ id }) => id);
      const variants = others.length === 0 ? {} : { variants: others };
      for (const name of names) {
        context.store.imageNames.put({ name, target, image: chosen.id, ...variants, taggedAt });
      }
    });
    return { image: chosen, target };
  });
  await failpoint("build.stored");
  for (const name of names) {
    context.events.publish({
      type: "image",
      action: "tag",
      id: stored.image.id,
      attributes: { name: familiarReference(parseReference(name)) },
    });
  }
  return stored;
}

function nameOf(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === null) return formatReference(reference);
  throw new DuetError(
    "invalid",
    "REFERENCE_INVALID",
    "refusing to create a tag with a digest reference",
  );
}

async function writeImage(
  context: EngineContext,
  result: BuildResult,
  options: StoreOptions,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { config, layers } = result;
  const configDigest = await context.content.write(config);
  const bytes = writeManifest(
    { digest: configDigest, size: config.length },
    layers.map(ociLayer),
    "oci",
    options.annotations,
  );
  const digest = await context.content.write(bytes);
  const manifest: Descriptor = { mediaType: mediaTypes.ociManifest, digest, size: bytes.length };
  const parts = await readParts(context, manifest);
  const silent = { ready: async () => undefined, progress: () => undefined };
  return await unpackImage(context, parts, { hold: async () => undefined }, silent, signal);
}

/** Layers of a base in Docker's own words are the same bytes under the specification's. */
function ociLayer(layer: Descriptor): Descriptor {
  const types: Readonly<Record<string, string>> = {
    [mediaTypes.dockerLayerGzip]: mediaTypes.ociLayerGzip,
    "application/vnd.docker.image.rootfs.diff.tar": mediaTypes.ociLayer,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": mediaTypes.ociLayerZstd,
  };
  return { ...layer, mediaType: types[layer.mediaType] ?? layer.mediaType };
}

async function writeIndex(
  context: EngineContext,
  results: readonly BuildResult[],
  images: readonly ImageRecord[],
  { attestations, annotations }: StoreOptions,
): Promise<Descriptor> {
  const manifests: object[] = images.map(({ manifest }, index) => ({
    ...manifest,
    platform: results[index]!.platform,
  }));
  for (const [index, image] of images.entries()) {
    const own = attestations.filter(({ result }) => result === index);
    if (own.length > 0) manifests.push(await writeAttestations(context, image.manifest, own));
  }
  const bytes = encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
  const digest = await context.content.write(bytes);
  return { mediaType: mediaTypes.ociIndex, digest, size: bytes.length };
}

const statementType = "application/vnd.in-toto+json";

/** As BuildKit's docs/attestations/attestation-storage.md lays them out. */
async function writeAttestations(
  context: EngineContext,
  subject: Descriptor,
  attestations: StoreOptions["attestations"],
): Promise<object> {
  const layers = [];
  const diffIds: Digest[] = [];
  for (const { statement: write, predicateType } of attestations) {
    const statement = write(subject.digest);
    const digest = await context.content.write(statement);
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
    config: {
      mediaType: mediaTypes.ociConfig,
      digest: await context.content.write(config),
      size: config.length,
    },
    layers,
  });
  return {
    mediaType: mediaTypes.ociManifest,
    digest: await context.content.write(manifest),
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
