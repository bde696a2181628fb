import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../../src/domain/digest.ts";
import type { ImageRecord } from "../../src/domain/image.ts";
import { mediaTypes } from "../../src/domain/manifest.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { imageShares } from "../../src/engine/system/image-shares.ts";

function digest(letter: string): Digest {
  return `sha256:${letter.repeat(64)}`;
}

test("an image's lowest layer that came uncompressed is counted once, and is its own", async () => {
  // Unpacked it goes by the digest that its blob has, too.
  const layer = { mediaType: mediaTypes.ociLayer, digest: digest("a"), size: 1_000 };
  const manifest = { mediaType: mediaTypes.ociManifest, digest: digest("b"), size: 10 };
  const image = { id: digest("c"), manifest, layers: [layer], diffIds: [layer.digest] };
  const images = [image] as unknown as readonly ImageRecord[];
  const context = {
    store: { images: { list: () => images }, imageNames: { list: () => [] } },
  } as unknown as EngineContext;
  const blobs = new Map([
    [layer.digest, 1_000],
    [manifest.digest, 10],
    [image.id, 1],
  ]);
  const sizeOf = (thing: Digest): number =>
    (blobs.get(thing) ?? 0) + (thing === layer.digest ? 900 : 0);
  const shares = await imageShares(context, new Set(), sizeOf);
  assert.deepEqual(shares.get(image.id), { size: 1_911, shared: 0 });
});
