import type { LoadedImage } from "../../domain/archive.ts";
import type { ContentStore } from "../../domain/content.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import {
  manifestKind,
  manifestMediaType,
  maximumManifestBytes,
  mediaTypes,
  parseIndex,
  parseManifest,
  selectPlatform,
  type ImageManifest,
} from "../../domain/manifest.ts";
import { formatReference, parseReference } from "../../domain/reference.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { dockerEntries } from "./docker-archive.ts";
import { archiveInvalid } from "./invalid.ts";
import type { Members } from "./members.ts";

const maximumDepth = 4;

/** The images of an OCI image layout (image-spec image-layout.md), one for each manifest of its index. */
export async function readOciLayout(
  members: Members,
  content: ContentStore,
): Promise<readonly LoadedImage[]> {
  const index = parseIndex(members.document("index.json")!, mediaTypes.ociIndex);
  const dockerNamesOf = dockerNames(members);
  const images = new Map<Digest, Omit<LoadedImage, "names"> & { names: Set<string> }>();
  for (const entry of index.manifests) {
    const manifest = await resolveManifest(entry, content, maximumDepth);
    if (manifest === undefined) continue;
    const { mediaType, digest, size } = entry;
    const isIndex = manifestKind(mediaType) === "index" && digest !== manifest.digest;
    const own = isIndex ? { manifest, index: { mediaType, digest, size } } : { manifest };
    const parts = await checkParts(manifest, content);
    const image = images.get(manifest.digest) ?? { ...own, names: new Set<string>() };
    images.set(manifest.digest, image);
    for (const name of [...annotatedNames(entry), ...dockerNamesOf(parts)]) image.names.add(name);
  }
  if (images.size === 0) throw archiveInvalid("it holds no image");
  return [...images.values()].map((image) => ({ ...image, names: [...image.names] }));
}

/**
 * References from Docker's list, where the archive has one, too. Images of one configuration are told
 * apart by their layers, where the list has those as the manifest does.
 */
function dockerNames(members: Members): (parts: ImageManifest) => readonly string[] {
  const entries = dockerEntries(members).map(({ config, layers, names }) => ({
    config: members.file(config)?.digest,
    layers: layers.map((layer) => members.file(layer)?.digest).join(" "),
    names,
  }));
  return ({ config, layers }) => {
    const same = entries.filter((entry) => entry.config === config.digest);
    const own = layers.map(({ digest }) => digest).join(" ");
    const exact = same.filter((entry) => entry.layers === own);
    return (exact.length > 0 ? exact : same).flatMap(({ names }) => names);
  };
}

/**
 * The manifest that an entry stands for: itself, or this host's in an index; of an index that holds
 * one image only, as archives of one platform do, that one. undefined for what is no image.
 */
async function resolveManifest(
  entry: Descriptor,
  content: ContentStore,
  depth: number,
): Promise<Descriptor | undefined> {
  if (entry.artifactType !== undefined) return undefined;
  const bytes = await readPart(entry, content);
  const mediaType = manifestMediaType(bytes, entry.mediaType);
  const { digest, size } = entry;
  if (manifestKind(mediaType) === "manifest") return { mediaType, digest, size };
  if (depth === 0) throw archiveInvalid("its indexes are nested too deeply");
  const present: Descriptor[] = [];
  for (const each of parseIndex(bytes, mediaType).manifests) {
    if ((await content.size(each.digest)) !== undefined) present.push(each);
  }
  const images = present.filter((each) => each.platform?.os !== "unknown");
  const [only] = images;
  const chosen =
    images.length === 1 && only !== undefined ? only : selectPlatform(present, hostPlatform);
  return await resolveManifest(chosen, content, depth - 1);
}

/** Everything that the manifest names must be there with its size. */
async function checkParts(descriptor: Descriptor, content: ContentStore): Promise<ImageManifest> {
  const manifest = parseManifest(await readPart(descriptor, content), descriptor.mediaType);
  for (const part of [manifest.config, ...manifest.layers]) await checkPart(part, content);
  return manifest;
}

async function readPart(part: Descriptor, content: ContentStore): Promise<Buffer> {
  await checkPart(part, content);
  return await content.read(part.digest, maximumManifestBytes);
}

async function checkPart(part: Descriptor, content: ContentStore): Promise<void> {
  const size = await content.size(part.digest);
  if (size === undefined) throw archiveInvalid(`it lacks the blob ${part.digest}`);
  if (size === part.size) return;
  throw new DuetError(
    "corrupt",
    "SIZE_MISMATCH",
    `a blob has ${size} bytes where ${part.size} were promised: ${part.digest}`,
    { subject: part.digest },
  );
}

/** containerd's annotation is a whole reference; OCI's own may be one, or a tag alone, which names nothing. */
function annotatedNames(entry: Descriptor): readonly string[] {
  const whole = entry.annotations?.["io.containerd.image.name"];
  const own = entry.annotations?.["org.opencontainers.image.ref.name"];
  const text = whole ?? (own !== undefined && /[/:]/.test(own) ? own : undefined);
  return text === undefined ? [] : [formatReference(parseReference(text))];
}
