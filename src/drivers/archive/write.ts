import type { LoadedImage } from "../../domain/archive.ts";
import type { ContentStore } from "../../domain/content.ts";
import { digestHex, type Digest } from "../../domain/digest.ts";
import {
  manifestKind,
  maximumManifestBytes,
  mediaTypes,
  parseIndex,
  parseManifest,
  parseManifestParts,
  type ImageManifest,
} from "../../domain/manifest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { familiarReference, parseReference, type Reference } from "../../domain/reference.ts";
import { writeTar, type TarMember } from "../../kit/tar/writer.ts";

interface Written {
  readonly image: LoadedImage;
  readonly manifest: ImageManifest;
  /** Its names that have a tag; an archive has no place for names by digest. */
  readonly names: readonly Reference[];
  /** What the image's index names besides, the index last. */
  readonly rest: readonly Descriptor[];
}

/**
 * One tar that is an OCI image layout and at once what `docker save` writes since version 25: Docker's
 * manifest.json names configuration and layers by their paths in the layout.
 */
export async function* writeArchive(
  images: readonly LoadedImage[],
  content: ContentStore,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const written: Written[] = [];
  for (const image of images) {
    const bytes = await content.read(image.manifest.digest, maximumManifestBytes);
    const names = image.names.map(parseReference).filter((name) => name.tag !== "");
    const manifest = parseManifest(bytes, image.manifest.mediaType);
    const rest = image.index === undefined ? [] : await restOfIndex(image.index, content);
    written.push({ image, names, manifest, rest });
  }
  yield* writeTar(members(written, content, signal));
}

async function* members(
  written: readonly Written[],
  content: ContentStore,
  signal: AbortSignal,
): AsyncGenerator<TarMember, void, void> {
  yield directory("blobs");
  yield directory("blobs/sha256");
  const done = new Set<Digest>();
  for (const { image, manifest, rest } of written) {
    for (const blob of [...manifest.layers, manifest.config, image.manifest, ...rest]) {
      signal.throwIfAborted();
      if (done.has(blob.digest)) continue;
      done.add(blob.digest);
      yield {
        header: fileHeader(blobPath(blob.digest), blob.size),
        content: await content.stream(blob.digest),
      };
    }
  }
  yield json("index.json", ociIndex(written));
  yield json("manifest.json", written.map(dockerEntry));
  yield json("oci-layout", { imageLayoutVersion: "1.0.0" });
  yield json("repositories", repositories(written));
}

/** Whatever of an index is here: other platforms' images, attestations. */
async function restOfIndex(
  index: Descriptor,
  content: ContentStore,
): Promise<readonly Descriptor[]> {
  const bytes = await content.read(index.digest, maximumManifestBytes);
  const rest: Descriptor[] = [];
  for (const entry of parseIndex(bytes, index.mediaType).manifests) {
    if (manifestKind(entry.mediaType) !== "manifest") continue;
    if ((await content.size(entry.digest)) === undefined) continue;
    const manifest = await content.read(entry.digest, maximumManifestBytes);
    const { config, layers } = parseManifestParts(manifest, entry.mediaType);
    const parts = [...layers, config];
    const sizes = await Promise.all(parts.map(({ digest }) => content.size(digest)));
    if (sizes.every((size) => size !== undefined)) rest.push(...parts, entry);
  }
  return [...rest, index];
}

function ociIndex(written: readonly Written[]): unknown {
  const manifests = written.flatMap(({ image, names }) => {
    const { mediaType, digest, size } = image.index ?? image.manifest;
    const descriptor = { mediaType, digest, size };
    if (names.length === 0) return [descriptor];
    return names.map((name) => ({
      ...descriptor,
      annotations: {
        "io.containerd.image.name": `${name.domain}/${name.path}:${name.tag}`,
        "org.opencontainers.image.ref.name": name.tag,
      },
    }));
  });
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

function dockerEntry({ manifest, names }: Written): unknown {
  return {
    Config: blobPath(manifest.config.digest),
    RepoTags: names.map((name) => familiarReference({ ...name, digest: null })),
    Layers: manifest.layers.map((layer) => blobPath(layer.digest)),
  };
}

/** Docker's oldest list: repository, tag, and the digest of the top layer without its algorithm. */
function repositories(written: readonly Written[]): unknown {
  const tagsOf = new Map<string, Map<string, string>>();
  for (const { manifest, names } of written) {
    const top = manifest.layers.at(-1);
    if (top === undefined) continue;
    for (const name of names) {
      const repository = familiarReference({ ...name, tag: "", digest: null });
      const tags = tagsOf.get(repository) ?? new Map<string, string>();
      tagsOf.set(repository, tags.set(name.tag, digestHex(top.digest)));
    }
  }
  return Object.fromEntries(
    [...tagsOf].map(([repository, tags]) => [repository, Object.fromEntries(tags)]),
  );
}

function directory(name: string): TarMember {
  return { header: { kind: "directory", name: Buffer.from(name), mode: 0o755 } };
}

function json(name: string, value: unknown): TarMember {
  const bytes = Buffer.from(JSON.stringify(value));
  return { header: fileHeader(name, bytes.length), content: bytes };
}

function fileHeader(name: string, size: number): TarMember["header"] {
  return { kind: "file", name: Buffer.from(name), mode: 0o644, size };
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}
