import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ContentStore } from "../../src/domain/content.ts";
import type { Descriptor, ImageName, ImageRecord } from "../../src/domain/image.ts";
import { mediaTypes } from "../../src/domain/manifest.ts";
import { openContentStore } from "../../src/drivers/content/content.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { asNamed, imageByManifest } from "../../src/engine/images/as-named.ts";
import { isComplete } from "../../src/engine/images/push-plan.ts";
import { rootsOfImages } from "../../src/engine/images/roots.ts";
import { silentLog } from "../../src/kit/log.ts";

const attestation = { "vnd.docker.reference.type": "attestation-manifest" };

async function store(content: ContentStore, bytes: Buffer, mediaType: string): Promise<Descriptor> {
  return { mediaType, digest: await content.write(bytes), size: bytes.length };
}

test("A23: an index that calls layers and nonsense manifests keeps nothing from being collected or shown", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-roots-"));
  context.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  const layer = await store(content, randomBytes(5 << 20), mediaTypes.ociLayer);
  const config = await store(content, Buffer.from("{}"), mediaTypes.ociConfig);
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
  const manifest = await store(content, Buffer.from(JSON.stringify(document)), document.mediaType);
  const hostile = [layer, config].flatMap(({ digest, size }) => [
    { mediaType: mediaTypes.ociManifest, digest, size },
    { mediaType: mediaTypes.ociManifest, digest, size, annotations: attestation },
  ]);
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [manifest, ...hostile],
  };
  const target = await store(content, Buffer.from(JSON.stringify(index)), index.mediaType);
  const image = { id: config.digest, manifest, layers: [layer], diffIds: [] } as unknown;
  const other = { ...(image as ImageRecord), manifest: { ...manifest, digest: target.digest } };
  const name: ImageName = {
    name: "registry.example/a:1",
    target,
    image: config.digest,
    taggedAt: 0,
  };
  const engine = { content, store: { images: { list: () => [], get: () => other } } };
  const engineContext = engine as unknown as EngineContext;

  const roots = await rootsOfImages(engineContext, [other], [name]);
  for (const { digest } of [target, manifest, config, layer]) assert.ok(roots.blobs.has(digest));
  assert.equal((await asNamed(engineContext, other, name)).manifest.digest, manifest.digest);
  assert.equal(await imageByManifest(engineContext, hostile[0]!), undefined);
  assert.equal(await isComplete(engineContext, target), false);
  assert.equal(await isComplete(engineContext, manifest), true);
});

test("A23: indexes that name each other over and over are read once each", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-roots-"));
  context.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  const config = await store(content, Buffer.from("{}"), mediaTypes.ociConfig);
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] };
  let top = await store(content, Buffer.from(JSON.stringify(document)), document.mediaType);
  for (let level = 0; level < 3; level++) {
    const manifests = Array.from({ length: 20 }, () => top);
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    top = await store(content, Buffer.from(JSON.stringify(index)), index.mediaType);
  }
  const read = context.mock.method(content, "read");
  assert.equal(await isComplete({ content } as unknown as EngineContext, top), true);
  assert.equal(read.mock.callCount(), 4);
});
