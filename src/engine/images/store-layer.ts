import { createHash, randomBytes } from "node:crypto";
import { createGzip } from "node:zlib";
import { once } from "node:events";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import type { EngineContext } from "../context.ts";

/** A layer that has been stored, gzipped. */
export interface StoredLayer {
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  readonly diffId: Digest;
  /** Bytes of the tar. */
  readonly size: number;
}

/** Fast, not small: what is pushed far was made here in the first place. */
const level = 1;

/**
 * Stores an uncompressed tar as a blob. Call it with the collection kept from running. Nothing stays of it
 * where it fails.
 */
export async function storeLayer(
  context: EngineContext,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const ingest = await context.content.ingest(`made-${randomBytes(16).toString("hex")}`);
  await using _ingest = ingest;
  const hash = createHash("sha256");
  const gzip = createGzip({ level, chunkSize: 256 << 10 });
  let size = 0;
  const feed = async (): Promise<void> => {
    for await (const chunk of tar) {
      signal.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
      if (!gzip.write(chunk)) await once(gzip, "drain", { signal });
    }
    gzip.end();
  };
  const feeding = feed().catch((error: unknown) => {
    gzip.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  });
  feeding.catch(() => undefined);
  try {
    for await (const chunk of gzip) await ingest.append(chunk as Buffer);
    await feeding;
    const descriptor = await ingest.commit();
    return { descriptor, diffId: `sha256:${hash.digest("hex")}`, size };
  } catch (error) {
    await ingest.truncate();
    throw error;
  }
}
