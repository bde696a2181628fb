import type { ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import { readParts, unpackImage } from "./assemble.ts";
import { withLease } from "./lease.ts";

/**
 * Makes sure that the image's layers are unpacked. After a power cut those that had not reached the
 * disk are gone (decision 12); their blobs are not, and are unpacked again, once for all who ask.
 */
export async function ensureUnpacked(
  context: EngineContext,
  record: ImageRecord | undefined,
  signal: AbortSignal,
): Promise<void> {
  const top = record === undefined ? undefined : chainIds(record.diffIds).at(-1);
  if (record === undefined || top === undefined) return;
  if (await context.snapshotters.directory.has(top)) return;
  await context.objectLocks.run(`unpack ${record.id}`, signal, async () => {
    if (await context.snapshotters.directory.has(top)) return;
    context.log.info("image-unpacked-again", { image: record.id });
    await withLease(context, async (lease) => {
      const parts = await readParts(context, record.manifest);
      const silent = { progress: () => undefined };
      await unpackImage(context, parts, lease, silent, signal);
    });
  });
}
