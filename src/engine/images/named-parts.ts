import type { Descriptor } from "../../domain/image.ts";
import {
  manifestKind,
  maximumManifestBytes,
  parseIndex,
  parseManifestParts,
  type ManifestKind,
  type ManifestParts,
} from "../../domain/manifest.ts";
import { isDuetError, type ErrorClass } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";

const unreadable: readonly ErrorClass[] = [
  "not-found",
  "invalid",
  "corrupt",
  "too-large",
  "unsupported",
];

/*
 * Whoever makes an index may call anything a manifest, also a blob that is here for another reason. What
 * looks after all images at once must not fail on one of them.
 */

/** What a manifest consists of; undefined where it is not here, or is none. */
export async function namedParts(
  context: EngineContext,
  descriptor: Descriptor,
): Promise<ManifestParts | undefined> {
  return await readNamed(context, descriptor, "manifest", parseManifestParts);
}

/** The entries of an index, each digest once; undefined where it is not here, or is none. */
export async function namedEntries(
  context: EngineContext,
  descriptor: Descriptor,
): Promise<readonly Descriptor[] | undefined> {
  const index = await readNamed(context, descriptor, "index", parseIndex);
  if (index === undefined) return undefined;
  return [...new Map(index.manifests.map((entry) => [entry.digest, entry])).values()];
}

async function readNamed<T>(
  { content }: EngineContext,
  { digest, mediaType }: Descriptor,
  kind: ManifestKind,
  parse: (bytes: Uint8Array, mediaType: string) => T,
): Promise<T | undefined> {
  if (manifestKind(mediaType) !== kind) return undefined;
  if ((await content.size(digest)) === undefined) return undefined;
  try {
    return parse(await content.read(digest, maximumManifestBytes), mediaType);
  } catch (error) {
    if (unreadable.some((one) => isDuetError(error, one))) return undefined;
    throw error;
  }
}
