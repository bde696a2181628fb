import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ImageName, ImageRecord } from "../../src/domain/image.ts";
import { openContentStore } from "../../src/drivers/content/content.ts";
import { createRegistryClient } from "../../src/drivers/registry/client.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { CollectionGate } from "../../src/engine/images/collection-gate.ts";
import { pushImage } from "../../src/engine/images/push.ts";
import { silentLog } from "../../src/kit/log.ts";
import { fakeRegistry } from "../drivers/registry/fake-registry.ts";
import { testImage, type TestImage } from "../drivers/registry/images.ts";

const never = new AbortController().signal;

/** As much of an engine as a push needs, with one image of that name. */
async function engineWith(
  context: TestContext,
  image: TestImage,
  name: string,
): Promise<EngineContext> {
  const folder = await mkdtemp(join(tmpdir(), "duet-push-"));
  context.after(() => rm(folder, { recursive: true }));
  const content = await openContentStore(folder, silentLog);
  for (const bytes of [...image.blobs.values(), image.manifest]) await content.write(bytes);
  const { mediaType, digest } = image;
  const target = { mediaType, digest, size: image.manifest.length };
  const record = { id: image.config.digest, manifest: target } as ImageRecord;
  const tag: ImageName = { name, target, image: record.id, taggedAt: 0 };
  const engine = {
    content,
    registry: createRegistryClient({
      config: { mirrors: [], insecureRegistries: [] },
      log: silentLog,
      patience: { retry: 1, longestRetry: 5 },
    }),
    collection: new CollectionGate(),
    events: { publish: () => undefined },
    store: {
      imageNames: { list: () => [tag], get: () => tag, put: () => undefined },
      images: { get: () => record },
      transaction: (work: () => unknown) => work(),
    },
  };
  return engine as unknown as EngineContext;
}

async function push(
  engine: EngineContext,
  name: string,
  signal: AbortSignal = never,
): Promise<void> {
  await pushImage(engine, name, { auth: null, platform: null, progress: () => undefined }, signal);
}

/** Takes uploads as a registry does, but for what `odd` answers itself. */
function uploads(odd: (...call: Parameters<RequestListener>) => boolean): RequestListener {
  return (request, response) => {
    if (odd(request, response)) return;
    const status = { HEAD: 404, POST: 202, PATCH: 202, GET: 404 }[request.method ?? ""] ?? 201;
    request.resume().on("end", () => {
      response.writeHead(status, { location: "/v2/app/blobs/uploads/one" }).end();
    });
  };
}

test("B42: a push of which one blob is refused writes no manifest and no tag", async (context) => {
  const image = testImage([10, 20, 30, 40]);
  let patches = 0;
  const { host, requests } = await fakeRegistry(
    context,
    uploads((request, response) => {
      if (request.method !== "PATCH" || (patches += 1) < 3) return false;
      request.resume().on("end", () => response.writeHead(403).end());
      return true;
    }),
  );
  const name = `${host}/app:1`;
  await assert.rejects(push(await engineWith(context, image, name), name), { class: "denied" });
  assert.ok(!requests.some(({ url }) => url?.includes("/manifests/")));
  assert.ok(
    requests.some(({ method }) => method === "DELETE"),
    "the upload is given up there, too",
  );
});

test("B42: a push that is cancelled gives its uploads up and writes no tag", async (context) => {
  const image = testImage([3_000_000, 3_000_000]);
  const controller = new AbortController();
  const { host, requests } = await fakeRegistry(
    context,
    uploads((request) => {
      if (request.method !== "PATCH") return false;
      request.once("data", () => controller.abort(new Error("changed my mind")));
      return true;
    }),
  );
  const name = `${host}/app:1`;
  const pushed = push(await engineWith(context, image, name), name, controller.signal);
  await assert.rejects(pushed, /changed my mind/);
  assert.ok(!requests.some(({ url }) => url?.includes("/manifests/")));
  assert.ok(requests.some(({ method }) => method === "DELETE"));
});

test("B42: the tag is written last, after every blob and by the bytes that are here", async (context) => {
  const image = testImage([10, 20]);
  const { host, requests } = await fakeRegistry(
    context,
    uploads(() => false),
  );
  const name = `${host}/app:1`;
  await push(await engineWith(context, image, name), name);
  const last = requests.at(-1);
  assert.equal(`${last?.method} ${last?.url}`, "PUT /v2/app/manifests/1");
  assert.equal(requests.filter(({ method }) => method === "PATCH").length, 3);
});

test("B42: a registry that stores other bytes than were sent is found out", async (context) => {
  const { host } = await fakeRegistry(
    context,
    uploads((request, response) => {
      if (request.url !== "/v2/app/manifests/1") return false;
      const digest = `sha256:${"0".repeat(64)}`;
      response.writeHead(201, { "docker-content-digest": digest }).end();
      return true;
    }),
  );
  const name = `${host}/app:1`;
  await assert.rejects(push(await engineWith(context, testImage(), name), name), {
    code: "DIGEST_MISMATCH",
  });
});
