import { digestOf, type Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { isForeignLayer, maximumManifestBytes, parseManifestParts } from "../../domain/manifest.ts";
import { parseReference, type Reference } from "../../domain/reference.ts";
import type { BlobStream, RegistryCredentials } from "../../domain/registry.ts";
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
      if (from.domain === to.domain)
        await context.registry.hasBlob(from, blob.digest, auth, signal).catch(() => false);
      await using source = new BlobOfOther((offset) =>
        context.registry.blob(from, blob, offset, sourceAuth, signal),
      );
      await context.registry.pushBlob(to, blob, async (at) => source.from(at), auth, signal);
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

/** A body that is being read. */
interface Reading {
  readonly body: AsyncIterator<Buffer>;
  /** What was read last, and where it begins. */
  last: Buffer;
  position: number;
  isBusy: boolean;
}

/**
 * A blob on its way from one registry to another, which takes it in pieces: each is read on where the last one
 * ended, for a server without ranges would send all that is before it again.
 */
class BlobOfOther implements AsyncDisposable {
  private readonly open: (offset: number) => Promise<BlobStream>;
  private reading: Reading | undefined;

  constructor(open: (offset: number) => Promise<BlobStream>) {
    this.open = open;
  }

  /** Its bytes from `offset` on. */
  async *from(offset: number): AsyncGenerator<Buffer, void, void> {
    const reading = await this.readingAt(offset);
    reading.isBusy = true;
    for (let at = offset; ;) {
      const rest = reading.last.subarray(Math.max(0, at - reading.position));
      at += rest.length;
      // A piece may end in the middle of it.
      reading.isBusy = false;
      if (rest.length > 0) yield rest;
      reading.isBusy = true;
      reading.position += reading.last.length;
      const next = await reading.body.next();
      if (next.done === true) return;
      reading.last = next.value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { reading } = this;
    this.reading = undefined;
    await reading?.body.return?.();
  }

  /** The body under way, where it is at `offset` and has neither failed nor ended nor is still waited for; else a new one. */
  private async readingAt(offset: number): Promise<Reading> {
    const { reading: old } = this;
    if (old !== undefined && !old.isBusy) {
      if (offset >= old.position && offset <= old.position + old.last.length) return old;
    }
    // Not waited for: it may wait itself for what does not come.
    old?.body.return?.().catch(() => undefined);
    const opened = await this.open(offset);
    const body = opened.body[Symbol.asyncIterator]();
    this.reading = { body, last: Buffer.alloc(0), position: opened.offset, isBusy: false };
    return this.reading;
  }
}
