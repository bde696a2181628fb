import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { EngineContext } from "../../src/engine/context.ts";
import { storeLayer } from "../../src/engine/images/store-layer.ts";
import { StoreClaims } from "../../src/engine/images/store-claims.ts";
import { never } from "../../src/kit/abort.ts";

/** A content store with one ingest, which holds `room` bytes. */
function contentOf(room: number) {
  const written: Buffer[] = [];
  const ingest = {
    append: async (data: Uint8Array) => {
      if (Buffer.concat(written).length + data.length > room) throw new Error("no space left");
      written.push(Buffer.from(data));
    },
    truncate: async () => void written.splice(0),
    commit: async () => {
      const all = Buffer.concat(written);
      const digest = `sha256:${createHash("sha256").update(all).digest("hex")}`;
      return { digest, size: all.length };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  const settings = { storeLimit: 0 };
  const storeClaims = new StoreClaims();
  const content = { ingest: async () => ingest };
  const context = { content, settings, storeClaims } as unknown as EngineContext;
  return { context, written };
}

function source(chunks: number, given: (chunk: number) => void = () => undefined) {
  const state = { ended: false };
  async function* tar(): AsyncGenerator<Buffer> {
    try {
      for (let at = 0; at < chunks; at += 1) {
        given(at);
        yield randomBytes(256 << 10);
      }
    } finally {
      state.ended = true;
    }
  }
  return { tar, state };
}

test("a layer is stored gzipped, with the digest and size of its tar", async () => {
  const { context, written } = contentOf(1 << 30);
  const { tar } = source(9);
  const layer = await storeLayer(context, tar(), never);
  const plain = gunzipSync(Buffer.concat(written));
  assert.equal(layer.size, plain.length);
  assert.equal(layer.diffId, `sha256:${createHash("sha256").update(plain).digest("hex")}`);
  assert.equal(layer.descriptor.size, Buffer.concat(written).length);
});

test("a disk that fills ends what gives the layer, and keeps nothing of it", async () => {
  const { context, written } = contentOf(1 << 20);
  const { tar, state } = source(10_000);
  await assert.rejects(storeLayer(context, tar(), never), /no space left/);
  assert.ok(state.ended);
  assert.deepEqual(written, []);
});

test("who stops waiting ends what gives the layer", async () => {
  const { context } = contentOf(1 << 30);
  const controller = new AbortController();
  const { tar, state } = source(10_000, (chunk) => {
    if (chunk === 3) controller.abort(new Error("enough"));
  });
  await assert.rejects(storeLayer(context, tar(), controller.signal));
  assert.ok(state.ended);
});
