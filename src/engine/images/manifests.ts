import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageName, ImageRecord, Platform } from "../../domain/image.ts";
import { manifestKind, maximumManifestBytes, parseIndex } from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import { asNamed, imageByManifest } from "./as-named.ts";

/** One manifest of an image, which may be of another platform and not be here. */
export interface ManifestPart {
  readonly descriptor: Descriptor;
  readonly kind: "image" | "attestation" | "unknown";
  /** Of an attestation: the manifest that it is about. */
  readonly about: Digest | null;
  /** null where nothing says so. */
  readonly platform: Platform | null;
  readonly isHere: boolean;
  /** Bytes of what is here of it, as it came and unpacked. */
  readonly content: number;
  readonly unpacked: number;
  /** Ids of containers that were made from it. */
  readonly containers: readonly string[];
}

const referenceType = "vnd.docker.reference.type";
const referenceDigest = "vnd.docker.reference.digest";

/** What an image consists of: the entries of the index that its name leads to, or itself alone. */
export async function manifestsOf(
  context: EngineContext,
  image: ImageRecord,
  names: readonly ImageName[],
): Promise<readonly ManifestPart[]> {
  const index = names.find(({ target }) => manifestKind(target.mediaType) === "index")?.target;
  const isHere = index !== undefined && (await context.content.size(index.digest)) !== undefined;
  if (!isHere) {
    const { manifest } = await asNamed(context, image, names[0] ?? null);
    return [await partOf(context, manifest)];
  }
  const bytes = await context.content.read(index.digest, maximumManifestBytes);
  const { manifests } = parseIndex(bytes, index.mediaType);
  return await Promise.all(manifests.map((descriptor) => partOf(context, descriptor)));
}

async function partOf(context: EngineContext, descriptor: Descriptor): Promise<ManifestPart> {
  const { annotations = {}, digest } = descriptor;
  const isAttestation = annotations[referenceType] === "attestation-manifest";
  const image = await imageByManifest(context, descriptor);
  const platform = image?.platform ?? descriptor.platform ?? null;
  const own = { descriptor, platform, isHere: image !== undefined };
  if (isAttestation) {
    const about = (annotations[referenceDigest] ?? "") as Digest;
    const content = (await context.content.size(digest)) ?? 0;
    return { ...own, kind: "attestation", about, content, unpacked: 0, containers: [] };
  }
  const kind = platform === null ? "unknown" : "image";
  const containers = context.store.containers.list().filter((record) => record.image === image?.id);
  return {
    ...own,
    kind,
    about: null,
    content: image === undefined ? 0 : await contentSize(context, image),
    unpacked: image?.size ?? 0,
    containers: containers.map(({ id }) => id),
  };
}

async function contentSize(context: EngineContext, image: ImageRecord): Promise<number> {
  const digests = new Set([
    image.id,
    image.manifest.digest,
    ...image.layers.map((one) => one.digest),
  ]);
  const sizes = await Promise.all([...digests].map((digest) => context.content.size(digest)));
  return sizes.reduce((total: number, size) => total + (size ?? 0), 0);
}
