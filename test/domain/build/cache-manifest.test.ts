import assert from "node:assert/strict";
import { test } from "node:test";
import {
  readCacheConfig,
  writeCacheConfig,
  type CachedChain,
} from "../../../src/domain/build/cache-manifest.ts";
import type { Digest } from "../../../src/domain/digest.ts";

const digest = (number: number): Digest => `sha256:${number.toString(16).padStart(64, "0")}`;

function chain(depth: number): CachedChain {
  return Array.from({ length: depth }, (_, at) => ({
    ...{ key: digest(at), diffId: digest(at), createdAt: "2026-01-01T00:00:00Z" },
    layer: { mediaType: "application/layer", digest: digest(at), size: 1 },
  }));
}

test("a cache is read as it was written: of each step all layers up to its own", () => {
  const { config, layers } = writeCacheConfig([chain(3), chain(2)]);
  assert.equal(layers.length, 3);
  const read = readCacheConfig(config);
  assert.deepEqual(
    read.map((one) => one.map((layer) => layer.layer.digest)),
    [1, 2, 3].map((depth) => chain(depth).map((layer) => layer.layer.digest)),
  );
  assert.deepEqual(
    read.map((one) => one.at(-1)?.key),
    chain(3).map(({ key }) => key),
  );
});

test("a cache whose steps take more layers than its own size lets one think is refused", () => {
  const { config } = writeCacheConfig([chain(5_000)]);
  assert.ok(config.length < 4 << 20);
  assert.throws(() => readCacheConfig(config), { class: "invalid", code: "CACHE_INVALID" });
});
