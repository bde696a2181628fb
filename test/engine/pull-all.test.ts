import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mediaTypes } from "../../src/domain/manifest.ts";
import { parseReference } from "../../src/domain/reference.ts";
import { openContentStore } from "../../src/drivers/content/content.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { Downloads } from "../../src/engine/images/downloads.ts";
import { fetchRest } from "../../src/engine/images/pull-all.ts";
import type { Pull } from "../../src/engine/images/pull.ts";
import { StoreClaims } from "../../src/engine/images/store-claims.ts";
import { never } from "../../src/kit/abort.ts";
import { silentLog } from "../../src/kit/log.ts";

test("manifests of an index for which the daemon's limit leaves no room are not asked for", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-pull-all-"));
  context.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  const entry = {
    mediaType: mediaTypes.ociManifest,
    digest: `sha256:${"1".repeat(64)}`,
    size: 4 << 20,
  };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] };
  const bytes = Buffer.from(JSON.stringify(index));
  const digest = await content.write(bytes);
  const engine = {
    content,
    registry: { manifest: () => assert.fail("it was asked for") },
    snapshotters: { directory: { list: async () => ({ committed: [] }) } },
    settings: { storeLimit: 1 << 20 },
    storeClaims: new StoreClaims(),
    builds: { written: new Map() },
  } as unknown as EngineContext;
  const pull = {
    reference: parseReference("registry.example/many:1"),
    options: { auth: null },
    lease: { hold: async () => undefined },
    signal: never,
  } as unknown as Pull;
  const target = { mediaType: mediaTypes.ociIndex, digest, size: bytes.length };
  const pulling = fetchRest(engine, new Downloads(content), pull, target);
  await assert.rejects(pulling, { code: "STORE_LIMIT" });
});

test("a manifest that an index names over and over is read once", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-pull-all-"));
  context.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  const store = async (document: object, mediaType: string) => {
    const bytes = Buffer.from(JSON.stringify(document));
    return { mediaType, digest: await content.write(bytes), size: bytes.length };
  };
  const config = await store({}, mediaTypes.ociConfig);
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] };
  const own = await store(manifest, manifest.mediaType);
  // What is about another manifest is no image of its own.
  const annotations = { "vnd.docker.reference.type": "attestation-manifest" };
  const manifests = Array.from({ length: 50 }, () => ({ ...own, annotations }));
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
  const target = await store(index, index.mediaType);
  const read = context.mock.method(content, "read");
  const pull = {
    options: { auth: null, progress: () => undefined },
    lease: { hold: async () => undefined },
    signal: never,
    tally: { layer: () => undefined },
  } as unknown as Pull;
  const engine = {
    content,
    settings: { storeLimit: 0 },
    storeClaims: new StoreClaims(),
  } as unknown as EngineContext;
  assert.deepEqual(await fetchRest(engine, new Downloads(content), pull, target), []);
  assert.equal(read.mock.callCount(), 2);
});
