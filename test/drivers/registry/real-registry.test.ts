import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReference, type Reference } from "../../../src/domain/reference.ts";
import type { RegistryClient, RegistryCredentials } from "../../../src/domain/registry.ts";
import { createRegistryClient } from "../../../src/drivers/registry/client.ts";
import { DuetError } from "../../../src/kit/errors.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { collect, digestOf, inPieces, testImage, type TestImage } from "./images.ts";
import { startRegistry } from "./real-registry.ts";

const signal = AbortSignal.timeout(500_000);
const user: RegistryCredentials = { username: "duet", password: "secret", identityToken: "" };

function newClient(chunk = 64 << 20): RegistryClient {
  return createRegistryClient({
    config: { mirrors: [], insecureRegistries: [] },
    log: silentLog,
    patience: { retry: 5, chunk },
  });
}

async function push(
  client: RegistryClient,
  reference: Reference,
  image: TestImage,
  auth: RegistryCredentials | null = null,
): Promise<void> {
  for (const blob of [...image.layers, image.config]) {
    if (await client.hasBlob(reference, blob.digest, auth, signal)) continue;
    const content = image.blobs.get(blob.digest)!;
    await client.pushBlob(reference, blob, async () => inPieces(content), auth, signal);
  }
  const digest = await client.pushManifest(
    reference,
    image.mediaType,
    image.manifest,
    auth,
    signal,
  );
  assert.equal(digest, image.digest);
}

test("an image pushed to a real registry comes back byte for byte, by tag and by digest", async (context) => {
  const { host } = await startRegistry(context);
  const client = newClient();
  const image = testImage([10_000, 3_000_000, 0]);
  const reference = parseReference(`${host}/some/app:1.0`);
  await push(client, reference, image);
  for (const name of [`${host}/some/app:1.0`, `${host}/some/app@${image.digest}`]) {
    const found = await client.resolve(parseReference(name), null, signal);
    assert.deepEqual(found.descriptor, {
      mediaType: image.mediaType,
      digest: image.digest,
      size: image.manifest.length,
    });
    assert.ok(found.content.equals(image.manifest));
  }
  for (const layer of image.layers) {
    const { offset, body } = await client.blob(reference, layer, 0, null, signal);
    assert.equal(offset, 0);
    assert.equal(digestOf(await collect(body)), layer.digest);
  }
});

test("a download resumes where it stopped", async (context) => {
  const { host } = await startRegistry(context);
  const client = newClient();
  const image = testImage([1_000_000]);
  const reference = parseReference(`${host}/app`);
  await push(client, reference, image);
  const [layer] = image.layers;
  const { offset, body } = await client.blob(reference, layer!, 999_000, null, signal);
  assert.equal(offset, 999_000);
  assert.ok((await collect(body)).equals(image.blobs.get(layer!.digest)!.subarray(999_000)));
});

test("a real registry takes a blob in chunks, and goes on with the one that it lacks", async (context) => {
  const { host } = await startRegistry(context);
  const client = newClient(1_000_000);
  const image = testImage([3_500_000]);
  const [layer] = image.layers;
  const content = image.blobs.get(layer!.digest)!;
  const from: number[] = [];
  const body = async (offset: number): Promise<AsyncIterable<Buffer>> => {
    from.push(offset);
    if (from.length === 3) throw new DuetError("unavailable", "TEST", "not now");
    return inPieces(content.subarray(offset));
  };
  const reference = parseReference(`${host}/app`);
  await client.pushBlob(reference, layer!, body, null, signal);
  assert.deepEqual(from, [0, 1_000_000, 2_000_000, 2_000_000, 3_000_000]);
  const { body: back } = await client.blob(reference, layer!, 0, null, signal);
  assert.equal(digestOf(await collect(back)), layer!.digest);
});

test("a blob that another repository has is mounted, not sent", async (context) => {
  const { host } = await startRegistry(context);
  const client = newClient();
  const image = testImage();
  await push(client, parseReference(`${host}/first`), image);
  const second = parseReference(`${host}/second`);
  const [layer] = image.layers;
  await client.pushBlob(second, layer!, () => Promise.reject(new Error("sent")), null, signal);
  assert.equal(await client.hasBlob(second, layer!.digest, null, signal), true);
});

test("what a registry lacks is told in Docker's words", async (context) => {
  const { host } = await startRegistry(context);
  const client = newClient();
  await push(client, parseReference(`${host}/app:here`), testImage());
  await assert.rejects(client.resolve(parseReference(`${host}/app:gone`), null, signal), {
    class: "not-found",
    code: "MANIFEST_UNKNOWN",
    message: `manifest for ${host}/app:gone not found: manifest unknown: manifest unknown`,
  });
  const missing = { mediaType: "", digest: digestOf("nothing"), size: 7 };
  await assert.rejects(client.blob(parseReference(`${host}/app`), missing, 0, null, signal), {
    class: "not-found",
    code: "BLOB_UNKNOWN",
  });
});

test("a registry with passwords lets in who has one, and refuses others as Docker says it", async (context) => {
  const { host } = await startRegistry(context, { auth: true });
  const client = newClient();
  const image = testImage();
  const reference = parseReference(`${host}/private/app`);
  assert.equal((await client.login(host, user, signal)).status, "Login Succeeded");
  await assert.rejects(client.login(host, { ...user, password: "wrong" }, signal), {
    code: "REGISTRY_UNAUTHORIZED",
    http: 500,
    message: `login attempt to http://${host}/v2/ failed with status: 401 Unauthorized`,
  });
  await push(client, reference, image, user);
  assert.equal((await client.resolve(reference, user, signal)).descriptor.digest, image.digest);
  await assert.rejects(client.resolve(reference, null, signal), {
    code: "PULL_DENIED",
    http: 404,
    message:
      /^pull access denied for .*\/private\/app, repository does not exist or may require 'docker login'/,
  });
  await assert.rejects(client.hasBlob(reference, image.config.digest, null, signal), {
    class: "denied",
  });
});

test("a cancelled push leaves no tag and no upload", async (context) => {
  const { host } = await startRegistry(context);
  const client = newClient();
  const image = testImage([5_000_000]);
  const reference = parseReference(`${host}/app:partial`);
  const controller = new AbortController();
  const [layer] = image.layers;
  async function* endless(): AsyncGenerator<Buffer, void, void> {
    yield image.blobs.get(layer!.digest)!.subarray(0, 1_000_000);
    controller.abort(new Error("changed my mind"));
    yield image.blobs.get(layer!.digest)!.subarray(1_000_000);
  }
  const pushed = client.pushBlob(reference, layer!, async () => endless(), null, controller.signal);
  await assert.rejects(pushed, /changed my mind/);
  await assert.rejects(client.resolve(reference, null, signal), { class: "not-found" });
  assert.equal(await client.hasBlob(reference, layer!.digest, null, signal), false);
});
