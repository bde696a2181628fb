import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Digest } from "../../src/domain/digest.ts";
import { mediaTypes } from "../../src/domain/manifest.ts";
import { recompressed } from "../../src/engine/build/layer-compression.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { StoreClaims } from "../../src/engine/images/store-claims.ts";
import { never } from "../../src/kit/abort.ts";

const digestOf = (bytes: Buffer): Digest =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A content store with one layer, whose daemon lets images have `storeLimit` bytes besides it. */
function contextWith(plain: Buffer, storeLimit: number) {
  const written: Buffer[] = [];
  const ingest = {
    append: async (data: Uint8Array) => void written.push(Buffer.from(data)),
    truncate: async () => void written.splice(0),
    commit: async () => {
      const all = Buffer.concat(written);
      return { digest: digestOf(all), size: all.length };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const content = {
    ingest: async () => ingest,
    list: async function* () {},
    stream: async function* () {
      yield plain;
    },
  };
  const snapshotters = { directory: { list: async () => ({ committed: [] }) } };
  const context = {
    ...{
      content,
      snapshotters,
      settings: { storeLimit },
      storeClaims: new StoreClaims(),
      builds: { written: new Map() },
    },
  } as unknown as EngineContext;
  const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf(plain), size: plain.length };
  return { context, written, layers: [{ ...layer, isOwn: true }] };
}

const gzip = { algorithm: "gzip", level: null, force: false } as const;

test("a layer compressed anew is the same tar", async () => {
  const plain = randomBytes(100_000);
  const { context, written, layers } = contextWith(plain, 0);
  const [made] = await recompressed(context, layers, gzip, never);
  assert.equal(made?.mediaType, mediaTypes.ociLayerGzip);
  assert.ok(gunzipSync(Buffer.concat(written)).equals(plain));
});

test("what a layer compressed anew takes counts for the daemon's limit for images", async () => {
  const { context, written, layers } = contextWith(randomBytes(1_000_000), 500_000);
  await assert.rejects(recompressed(context, layers, gzip, never), { code: "STORE_LIMIT" });
  assert.deepEqual(written, []);
});
