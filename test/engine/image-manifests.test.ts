import assert from "node:assert/strict";
import { test } from "node:test";
import type { DescriptorBody, ImageInspect, ImageSummary } from "../../src/spec/docker/image.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import { startRegistry } from "../e2e/registry.ts";

const indexType = "application/vnd.oci.image.index.v1+json";

test("an image tells of its manifests where it is asked, also of those that are not here", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  const registry = await startRegistry(daemon);
  await loadImages(daemon, "busybox", "hello-world");
  const get = async <T>(path: string): Promise<T> =>
    JSON.parse(await daemon.request("GET", path).body) as T;
  const push = async (image: string): Promise<DescriptorBody> => {
    const name = `${registry}/all:${image}`;
    await daemon.docker("tag", image, name);
    await daemon.docker("push", "-q", name);
    const found = await get<{ Descriptor: DescriptorBody }>(`/v1.51/distribution/${name}/json`);
    await daemon.docker("rmi", name);
    return found.Descriptor;
  };
  const own = await push("busybox");
  const other = await push("hello-world");
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const manifests = [
    { ...own, platform: { os: "linux", architecture } },
    { ...other, platform: { os: "linux", architecture: "s390x" } },
    {
      ...other,
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": own.digest,
      },
    },
  ];
  const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
  const url = `http://${registry}/v2/all/manifests/index`;
  const sent = ["-fsS", "-X", "PUT", "-H", `Content-Type: ${indexType}`, "-d", index, url];
  assert.equal((await daemon.onHost("curl", ...sent)).code, 0);
  await daemon.docker("rmi", "busybox", "hello-world");
  const name = `${registry}/all:index`;
  await daemon.docker("pull", "-q", name);
  await daemon.docker("create", "--name", "box", name, "true");

  const [listed] = await get<ImageSummary[]>("/v1.51/images/json?manifests=1");
  const [here, elsewhere, attestation] = listed?.Manifests ?? [];
  const id = (await daemon.docker("inspect", "-f", "{{.Id}}", "box")).trim();
  assert.equal(listed?.Manifests?.length, 3);
  assert.deepEqual([here?.ID, here?.Kind, here?.Available], [own.digest, "image", true]);
  assert.deepEqual(here?.ImageData?.Platform, { os: "linux", architecture });
  assert.deepEqual(here?.ImageData?.Containers, [id]);
  assert.equal(here?.ImageData?.Size.Unpacked, listed?.Size);
  assert.equal(here?.Size.Total, (here?.Size.Content ?? 0) + (listed?.Size ?? 0));
  assert.deepEqual(
    [elsewhere?.Kind, elsewhere?.Available, elsewhere?.Size.Total, elsewhere?.ImageData?.Platform],
    ["image", false, 0, { os: "linux", architecture: "s390x" }],
  );
  assert.equal(elsewhere?.ImageData?.Containers, null);
  assert.deepEqual(
    [attestation?.Kind, attestation?.AttestationData?.For],
    ["attestation", own.digest],
  );
  const inspect = async (query: string): Promise<ImageInspect> =>
    await get(`/${query.replace("?", `/images/${name}/json?`)}`);
  assert.deepEqual((await inspect("v1.51?manifests=1")).Manifests, listed?.Manifests);
  for (const without of ["v1.51?", "v1.51?manifests=0", "v1.47?manifests=1"])
    assert.equal((await inspect(without)).Manifests, undefined, without);
  assert.equal(
    (await get<ImageSummary[]>("/v1.46/images/json?manifests=1"))[0]?.Manifests,
    undefined,
  );

  await daemon.docker("rm", "box");
  await daemon.docker("rmi", name);
  await loadImages(daemon, "busybox");
  const [single] = await get<ImageSummary[]>("/v1.51/images/json?manifests=1");
  assert.deepEqual(
    single?.Manifests?.map(({ Kind, Available }) => [Kind, Available]),
    [["image", true]],
  );
});
