import { digestOf, type Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { isForeignLayer, maximumManifestBytes, parseManifestParts } from "../../domain/manifest.ts";
import { parseReference, type Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases } from "../image-use-cases.ts";

type IndexOptions = Parameters<ImageUseCases["pushIndex"]>[1];

/**
 * Writes an index to a registry under a name. What its manifests consist of is brought from where they
 * are to the name's repository, mounted where that is possible; nothing of it is kept here.
 */
export async function pushIndex(
  context: EngineContext,
  text: string,
  { content, mediaType, manifests, auth }: IndexOptions,
  signal: AbortSignal,
): Promise<Digest> {
  const reference = parseReference(text);
  if (reference.tag === "") {
    throw new DuetError("invalid", "REFERENCE_INVALID", "an index is pushed by a tag", {
      subject: `image ${text}`,
    });
  }
  for (const { source, descriptor } of manifests)
    await bringManifest(context, parseReference(source), reference, descriptor, auth, signal);
  const digest = digestOf(content);
  const written = await context.registry.pushManifest(reference, mediaType, content, auth, signal);
  if (written === digest) return digest;
  throw new DuetError("corrupt", "DIGEST_MISMATCH", `the registry stored ${written} for ${digest}`);
}

async function bringManifest(
  context: EngineContext,
  from: Reference,
  to: Reference,
  descriptor: Descriptor,
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<void> {
  // Credentials are for the registry that the index goes to.
  const sourceAuth = from.domain === to.domain ? auth : null;
  const bytes = await context.registry.manifest(from, descriptor, sourceAuth, signal);
  if (from.domain !== to.domain || from.path !== to.path) {
    if (descriptor.size > maximumManifestBytes) return;
    const { config, layers } = parseManifestParts(bytes, descriptor.mediaType);
    for (const blob of [...layers, config]) {
      if (isForeignLayer(blob.mediaType)) continue;
      if (await context.registry.hasBlob(to, blob.digest, auth, signal)) continue;
      const open = async (offset: number): Promise<AsyncIterable<Buffer>> => {
        const opened = await context.registry.blob(from, blob, offset, sourceAuth, signal);
        return after(opened.body, offset - opened.offset);
      };
      if (from.domain === to.domain)
        await context.registry.hasBlob(from, blob.digest, auth, signal).catch(() => false);
      await context.registry.pushBlob(to, blob, open, auth, signal);
    }
  }
  await context.registry.pushManifest(
    { ...to, tag: "" },
    descriptor.mediaType,
    bytes,
    auth,
    signal,
  );
}

/** A server without ranges gives a blob from its beginning. */
async function* after(body: AsyncIterable<Buffer>, skip: number): AsyncGenerator<Buffer> {
  let left = skip;
  for await (const chunk of body) {
    const rest = chunk.subarray(Math.min(left, chunk.length));
    left -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
