import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import type { Digest } from "../../src/domain/digest.ts";
import { openContentStore } from "../../src/drivers/content/content.ts";
import { BaseImages } from "../../src/engine/build/base-images.ts";
import type { BuildClient } from "../../src/engine/build/build.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import type { GivenImage, ImageUseCases } from "../../src/engine/image-use-cases.ts";
import { CollectionGate } from "../../src/engine/images/collection-gate.ts";
import { Downloads } from "../../src/engine/images/downloads.ts";
import { bringBlob } from "../../src/engine/images/take.ts";
import { StoreClaims } from "../../src/engine/images/store-claims.ts";
import { never } from "../../src/kit/abort.ts";
import { silentLog } from "../../src/kit/log.ts";

test("a blob for which the daemon's limit leaves no room is not asked for", async () => {
  const content = { size: async () => undefined, list: async function* () {} };
  const snapshotters = { directory: { list: async () => ({ committed: [] }) } };
  const context = {
    ...{
      content,
      snapshotters,
      settings: { storeLimit: 1_000 },
      storeClaims: new StoreClaims(),
      builds: { written: new Map() },
    },
  } as unknown as EngineContext;
  const blob = { mediaType: "layer", digest: `sha256:${"1".repeat(64)}`, size: 1_001 } as const;
  const given = {
    ...{ name: "cache", target: blob },
    blob: () => assert.fail("it was asked for"),
  };
  const lease = { hold: async () => undefined };
  const bringing = bringBlob(context, new Downloads(context.content), given, blob, lease, never);
  await assert.rejects(bringing, { code: "STORE_LIMIT" });
});

test("a registry that cannot begin in the middle gives a cached layer from its beginning", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-bring-"));
  t.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  const bytes = randomBytes(100_000);
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const blob = { mediaType: "layer", digest, size: bytes.length };
  let sent = bytes.subarray(0, 40_000);
  const asked: number[] = [];
  const registry = {
    resolve: async () => ({ descriptor: { ...blob, digest: `sha256:${"1".repeat(64)}` } }),
    blob: async (...[, , offset]: Parameters<EngineContext["registry"]["blob"]>) => {
      asked.push(offset);
      return { offset: 0, body: Readable.from([sent]) };
    },
  };
  const context = {
    ...{
      content,
      registry,
      collection: new CollectionGate(),
      settings: { storeLimit: 0 },
      storeClaims: new StoreClaims(),
    },
    store: { imageNames: { get: () => undefined } },
  } as unknown as EngineContext;
  const downloads = new Downloads(content);
  const images = {
    bring: (...[given, one, lease, signal]: Parameters<ImageUseCases["bring"]>) =>
      bringBlob(context, downloads, given, one, lease, signal),
  } as unknown as ImageUseCases;
  const client = { credentials: async () => null } as unknown as BuildClient;
  const build = { request: { pull: false }, client, identity: "x" };
  using bases = new BaseImages(context, images, build);
  const given = await bases.remote("registry.example/cache:1", never);
  await assert.rejects(bases.bring(given!, blob, never), { code: "BODY_SHORT" });
  sent = bytes;
  await bases.bring(given!, blob, never);
  assert.equal(await content.size(digest), bytes.length);
  assert.equal(asked.at(-1), 40_000);
});

test("a layer that one client's store has wrong comes from where another asks for it", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-bring-"));
  t.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  const bytes = randomBytes(1_000);
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const blob = { mediaType: "layer", digest, size: bytes.length };
  const context = {
    content,
    settings: { storeLimit: 0 },
    storeClaims: new StoreClaims(),
  } as unknown as EngineContext;
  const downloads = new Downloads(content);
  const lease = { hold: async () => undefined };
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const { promise: isSent, resolve: send } = Promise.withResolvers<void>();
  async function* wrong(): AsyncGenerator<Buffer, void, void> {
    ask();
    await isSent;
    yield randomBytes(1_000);
  }
  const given = (body: () => AsyncIterable<Buffer>): GivenImage => ({
    ...{ name: "given", target: blob, blob: async () => ({ offset: 0, body: body() }) },
  });
  const bring = (image: GivenImage): Promise<void> =>
    bringBlob(context, downloads, image, blob, lease, never);
  const first = assert.rejects(bring(given(wrong)), { class: "corrupt" });
  await asked;
  const second = bring(given(() => Readable.from([bytes])));
  send();
  await Promise.all([first, second]);
  assert.equal(await content.size(digest), bytes.length);
});

test("what one source left of a layer is not gone on with by another", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-bring-"));
  t.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  const bytes = randomBytes(1_000);
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const blob = { mediaType: "layer", digest, size: bytes.length };
  const downloads = new Downloads(content);
  const begun: number[] = [];
  const fetch = async (source: string, sent: Buffer): Promise<void> => {
    const open = async (offset: number) => {
      begun.push(offset);
      return { offset, body: Readable.from([sent.subarray(offset)]) };
    };
    await downloads.fetch(blob, { source, open, report: () => undefined }, never);
  };
  await assert.rejects(fetch("a", randomBytes(400)), { code: "BODY_SHORT" });
  await assert.rejects(fetch("b", bytes.subarray(0, 600)), { code: "BODY_SHORT" });
  begun.length = 0;
  await fetch("b", bytes);
  assert.deepEqual(begun, [600]);
  assert.equal(await content.size(digest), bytes.length);
});
