import type { ImageProcess, ImageRecord } from "../../domain/image.ts";
import { applyChanges } from "../../domain/image-changes.ts";
import { noProcess } from "../../domain/image-config.ts";
import { familiarReference, formatReference, parseReference } from "../../domain/reference.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { ImportOptions } from "../image-use-cases.ts";
import { refuseUnsigned } from "./check-policy.ts";
import { publishImage, publishTag } from "./publish.ts";
import { storeImage } from "./pull.ts";
import { storePacked, type StoredLayer } from "./store-layer.ts";
import { writeImage } from "./write-image.ts";

/**
 * Makes an image of a file system's tar, compressed or not, and tags it where a name is given. `base` is what
 * it says of its process before the changes; `from` is what its history says.
 */
export async function importImage(
  context: EngineContext,
  tar: AsyncIterable<Uint8Array>,
  options: ImportOptions,
  signal: AbortSignal,
  base: ImageProcess = noProcess,
  from = "-",
): Promise<ImageRecord> {
  const store = (): Promise<StoredLayer> => storePacked(context, tar, signal);
  return await importLayer(context, store, options, signal, base, from);
}

/** As `importImage`, of what `store` stores. */
export async function importLayer(
  context: EngineContext,
  store: () => Promise<StoredLayer>,
  options: ImportOptions,
  signal: AbortSignal,
  base: ImageProcess,
  from = "-",
): Promise<ImageRecord> {
  const name = options.reference === "" ? null : nameOf(options.reference);
  refuseUnsigned(context, name === null ? [] : [name]);
  const process = applyChanges(base, options.changes);
  return await context.collection.keep(signal, async () => {
    const layer = await store();
    await failpoint("import.layer");
    const platform = options.platform ?? hostPlatform;
    const created = new Date().toISOString();
    const image = await writeImage(
      context,
      {
        description: { platform, created, author: "", process },
        step: { createdBy: "", author: "", comment: options.message || `Imported from ${from}` },
        below: null,
        layer,
      },
      signal,
    );
    const target = image.manifest;
    storeImage(
      context,
      image,
      name === null ? null : { name, target, image: image.id, taggedAt: Date.now() },
    );
    await failpoint("import.stored");
    const tag = name === null ? "" : familiarReference(parseReference(name));
    if (tag !== "") publishTag(context, image, tag);
    publishImage(context, image, "import");
    return image;
  });
}

/** As `importImage`, of what a URL gives; nothing of that is kept but the image. */
export async function importFrom(
  context: EngineContext,
  source: string,
  options: ImportOptions,
  begun: (url: string) => void,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { buildSources } = context;
  if (buildSources === undefined)
    throw new DuetError("unsupported", "NO_REMOTE_SOURCES", "this engine fetches no remote files");
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(source) ? source : `http://${source}`;
  const isKept = (await buildSources.list()).some((one) => one.url === url);
  try {
    await using file = await buildSources.url({ url, checksum: null }, signal);
    begun(url);
    return await importImage(context, file.content(), options, signal, noProcess, source);
  } finally {
    // A build that had it before keeps it.
    if (!isKept) await buildSources.remove(url);
  }
}

function nameOf(text: string): string {
  const reference = parseReference(text);
  if (reference.digest === null) return formatReference(reference);
  throw new DuetError("invalid", "REFERENCE_INVALID", "cannot import digest reference");
}
