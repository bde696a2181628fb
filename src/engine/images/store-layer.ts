import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { decompress } from "../../kit/decompress.ts";
import { limited } from "../../kit/decompress-limit.ts";
import { gzipMembers } from "../../kit/gzip-members.ts";
import type { EngineContext } from "../context.ts";
import { StoreRoom } from "./store-room.ts";

/** A layer that has been stored, gzipped. */
export interface StoredLayer {
  readonly descriptor: Pick<Descriptor, "digest" | "size">;
  readonly diffId: Digest;
  /** Bytes of the tar. */
  readonly size: number;
}

/** Bytes of a tar that may come out of a compressed one: what a layer may have. */
const maximumTar = 32 * 2 ** 30;

/** As `storeLayer`, of a tar that may be compressed in whatever way. */
export async function storePacked(
  context: EngineContext,
  packed: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<StoredLayer> {
  return await storeLayer(context, decompress(packed, { limit: maximumTar, signal }), signal);
}

/** As `storeLayer`, of a tar whose size nobody vouches for. Throws `too-large` DECOMPRESSED_TOO_LARGE. */
export async function storeForeign(
  context: EngineContext,
  tar: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<StoredLayer> {
  return await storeLayer(context, limited(tar, maximumTar), signal);
}

/**
 * Stores an uncompressed tar as a blob. Call it with the collection kept from running. Nothing stays of it
 * where it fails.
 */
export async function storeLayer(
  context: EngineContext,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const hash = createHash("sha256");
  let size = 0;
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const chunk of tar) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  const descriptor = await storeMade(context, async (append) => {
    /* A pipeline ends all of its parts where one fails: `tar` may hold a helper or a machine open. */
    await pipeline(
      Readable.from(measured(), { objectMode: false }),
      async (plain: AsyncIterable<Buffer>) => {
        // What is pushed far was made here in the first place: fast counts, not small.
        for await (const chunk of gzipMembers(plain)) await append(chunk);
      },
      { signal },
    );
  });
  return { descriptor, diffId: `sha256:${hash.digest("hex")}`, size };
}

/**
 * Stores a blob that is made here. Call it with the collection kept from running. Nothing stays of it where it
 * fails. Throws `exhausted` STORE_LIMIT.
 */
export async function storeMade(
  context: EngineContext,
  make: (append: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<StoredLayer["descriptor"]> {
  using room = await StoreRoom.for(context);
  await using ingest = await context.content.ingest(`made-${randomBytes(16).toString("hex")}`);
  let stored = 0;
  try {
    await make(async (chunk) => {
      stored += chunk.length;
      room.unpackedTo(undefined, stored);
      await ingest.append(chunk);
    });
    await room.settle();
    return await ingest.commit();
  } catch (error) {
    await ingest.truncate();
    throw error;
  }
}
