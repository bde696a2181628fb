import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageRecord } from "../../domain/image.ts";
import { maximumManifestBytes } from "../../domain/manifest.ts";
import type { BlobStream, PullProgress } from "../../domain/registry.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { unpackImage, type ImageParts } from "./assemble.ts";
import type { Downloads, Source, Wanting } from "./downloads.ts";
import type { Lease } from "./lease.ts";
import type { PullTally } from "./pull-tally.ts";

/** An image on its way here, from wherever its blobs come. */
export interface Fetch {
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** As `Wanting`'s. */
  readonly source: Source;
  /** Not verified. */
  blob(blob: Descriptor, offset: number, signal: AbortSignal): Promise<BlobStream>;
  progress(progress: PullProgress): void;
  readonly tally?: PullTally;
}

/** Brings a manifest or a configuration. Throws `too-large` CONFIG_TOO_LARGE. */
export async function fetchSmall(
  context: EngineContext,
  { lease, signal, blob }: Fetch,
  small: Descriptor,
): Promise<void> {
  await lease.hold([small.digest], []);
  if ((await context.content.size(small.digest)) !== undefined) return;
  if (small.size > maximumManifestBytes) {
    throw new DuetError(
      "too-large",
      "CONFIG_TOO_LARGE",
      `a manifest or configuration of the image has ${small.size} bytes, over 4 MiB`,
    );
  }
  const { body } = await blob(small, 0, signal);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > small.size) break;
    chunks.push(chunk);
  }
  await context.content.write(Buffer.concat(chunks), small);
}

/** Brings the layers that are not here, and unpacks each as it comes. */
export async function fetchLayers(
  context: EngineContext,
  downloads: Downloads,
  { lease, signal, source, blob, progress, tally }: Fetch,
  parts: ImageParts,
): Promise<ImageRecord> {
  await lease.hold(
    parts.layers.map((layer) => layer.digest),
    parts.chains,
  );
  const controller = new AbortController();
  const both = AbortSignal.any([signal, controller.signal]);
  const coming = new Map<Digest, Promise<void>>();
  const arrived = new Set<Digest>();
  for (const layer of parts.layers) {
    if (coming.has(layer.digest)) continue;
    const open: Wanting["open"] = (from) => blob(layer, from, both);
    const download = downloads.fetch(layer, { source, open, report: progress, tally }, both);
    download.then(
      () => arrived.add(layer.digest),
      () => undefined,
    );
    coming.set(layer.digest, download);
  }
  const leftEarly: Descriptor[] = [];
  try {
    const image = await unpackImage(
      context,
      parts,
      lease,
      {
        open: (layer) => noted(downloads.read(layer, coming.get(layer.digest)!), layer, leftEarly),
        progress: (event) => {
          // What is shown of a layer is what it waits for: its bytes, as long as they come.
          if (arrived.has(event.layer.digest)) progress(event);
        },
        ...(tally === undefined ? {} : { tally }),
      },
      both,
    );
    await Promise.all(coming.values());
    return image;
  } catch (error) {
    const reason = await verdictOn(leftEarly[0], coming, error);
    controller.abort(reason);
    await Promise.allSettled(coming.values());
    throw reason;
  }
}

/** The bytes of a layer; one whose bytes are not read to their end is added to `leftEarly`. */
async function* noted(
  bytes: AsyncIterable<Buffer>,
  layer: Descriptor,
  leftEarly: Descriptor[],
): AsyncGenerator<Buffer, void, void> {
  let isWhole = false;
  try {
    yield* bytes;
    isWhole = true;
  } finally {
    if (!isWhole) leftEarly.push(layer);
  }
}

/**
 * Why a pull failed. A layer that cannot be unpacked was looked at before all of it had come: where its
 * bytes are not those that its digest promises, that is what is wrong.
 */
async function verdictOn(
  layer: Descriptor | undefined,
  coming: ReadonlyMap<Digest, Promise<void>>,
  error: unknown,
): Promise<unknown> {
  const isDamage = isDuetError(error, "corrupt") || isDuetError(error, "invalid");
  if (layer === undefined || !isDamage) return error;
  return await coming.get(layer.digest)?.then(
    () => error,
    (reason: unknown) => reason,
  );
}
