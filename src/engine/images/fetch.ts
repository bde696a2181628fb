import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageRecord } from "../../domain/image.ts";
import type { PullProgress } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { unpackImage, type ImageParts } from "./assemble.ts";
import type { Downloads } from "./downloads.ts";
import type { Lease } from "./lease.ts";

/** An image on its way here, from wherever its blobs come. */
export interface Fetch {
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Bytes from `offset` on, or from where the other side can begin. Not verified. */
  blob(
    blob: Descriptor,
    offset: number,
    signal: AbortSignal,
  ): Promise<{ readonly offset: number; readonly body: AsyncIterable<Buffer> }>;
  progress(progress: PullProgress): void;
}

const maximumSmall = 4 << 20;

/** Brings a manifest or a configuration. Throws `too-large` CONFIG_TOO_LARGE. */
export async function fetchSmall(
  context: EngineContext,
  { lease, signal, blob }: Fetch,
  small: Descriptor,
): Promise<void> {
  await lease.hold([small.digest], []);
  if ((await context.content.size(small.digest)) !== undefined) return;
  if (small.size > maximumSmall) {
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
  { lease, signal, blob, progress }: Fetch,
  parts: ImageParts,
): Promise<ImageRecord> {
  await lease.hold(
    parts.layers.map((layer) => layer.digest),
    parts.chains,
  );
  const controller = new AbortController();
  const both = AbortSignal.any([signal, controller.signal]);
  const coming = new Map<Digest, Promise<void>>();
  for (const layer of parts.layers) {
    if (coming.has(layer.digest)) continue;
    const download = downloads.fetch(layer, (from) => blob(layer, from, both), progress, both);
    download.catch(() => undefined);
    coming.set(layer.digest, download);
  }
  try {
    const ready = async (layer: Descriptor): Promise<void> => await coming.get(layer.digest);
    const image = await unpackImage(context, parts, lease, { ready, progress }, both);
    await Promise.all(coming.values());
    return image;
  } catch (error) {
    controller.abort(error);
    await Promise.allSettled(coming.values());
    throw error;
  }
}
