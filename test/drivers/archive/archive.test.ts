import assert from "node:assert/strict";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { createReadStream } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { LoadedImage, Repack } from "../../../src/domain/archive.ts";
import { parseManifest } from "../../../src/domain/manifest.ts";
import { run } from "../../../src/kit/subprocess.ts";
import {
  collect,
  configFor,
  file,
  fixture,
  hex,
  layerTar,
  ociIndex,
  ociParts,
  oldDockerArchive,
  signal,
  stream,
  tar,
  type Fixture,
} from "./samples.ts";

async function manifestOf(
  { content }: Fixture,
  image: LoadedImage,
): Promise<ReturnType<typeof parseManifest>> {
  return parseManifest(
    await content.read(image.manifest.digest, 1 << 20),
    image.manifest.mediaType,
  );
}

test("an old docker save, links between layers and all, becomes an OCI image", async (context) => {
  const sample = await fixture(context);
  const [image, ...others] = await sample.archive.read(stream(await oldDockerArchive()), signal);
  assert.deepEqual(others, []);
  assert.deepEqual(image?.names, ["docker.io/test/app:1"]);
  const manifest = await manifestOf(sample, image);
  const one = `sha256:${hex(await layerTar("one"))}`;
  const two = `sha256:${hex(await layerTar("two"))}`;
  assert.deepEqual(
    manifest.layers.map((layer) => [layer.digest, layer.mediaType]),
    [one, two, one].map((digest) => [digest, "application/vnd.oci.image.layer.v1.tar"]),
  );
});

test("a layer that several images of an archive have is packed anew but once", async (context) => {
  const sample = await fixture(context);
  const plain = await layerTar("one");
  const layer = (await run("xz", ["-c"], { input: plain, signal })).stdout;
  const config = configFor([plain, plain]);
  const entry = { Config: "config.json", Layers: ["layer.tar", "layer.tar"] };
  const list = ["a:1", "b:1"].map((name) => ({ ...entry, RepoTags: [name] }));
  const bytes = await tar(
    file("layer.tar", layer),
    file("config.json", config),
    file("manifest.json", JSON.stringify(list)),
  );
  let packed = 0;
  const repack: Repack = async (body) => {
    assert.ok((await collect(body)).equals(layer));
    packed += 1;
    const digest = await sample.content.write(gzipSync(plain));
    return { digest, size: gzipSync(plain).length, diffId: `sha256:${hex(plain)}` };
  };
  const images = await sample.archive.read(stream(bytes), signal, { repack });
  assert.equal(images.length, 2);
  assert.equal(packed, 1);
});

test("compressed archives and those without names load, too", async (context) => {
  const sample = await fixture(context);
  const bytes = await oldDockerArchive(null);
  for (const compressed of [gzipSync(bytes), zstdCompressSync(bytes)]) {
    const images = await sample.archive.read(stream(compressed), signal);
    assert.deepEqual(
      images.map((image) => image.names),
      [[]],
    );
  }
});

test("an OCI layout keeps its manifest, whatever the order of its members", async (context) => {
  const sample = await fixture(context);
  const parts = await ociParts();
  const name = { "io.containerd.image.name": "docker.io/library/hello:latest" };
  const index = file("index.json", ociIndex(parts.manifest, name));
  const layout = file("oci-layout", `{"imageLayoutVersion":"1.0.0"}`);
  for (const members of [
    [layout, index, ...parts.members],
    [...parts.members.toReversed(), index, layout],
  ]) {
    const [image] = await sample.archive.read(stream(await tar(...members)), signal);
    assert.equal(image?.manifest.digest, `sha256:${hex(parts.manifest)}`);
    assert.deepEqual(image?.names, ["docker.io/library/hello:latest"]);
  }
});

test("a reference name counts as a name where it is more than a tag", async (context) => {
  const sample = await fixture(context);
  const parts = await ociParts();
  for (const [written, names] of [
    ["latest", []],
    ["example.com/a/b:2", ["example.com/a/b:2"]],
  ] as const) {
    const index = ociIndex(parts.manifest, { "org.opencontainers.image.ref.name": written });
    const bytes = await tar(...parts.members, file("index.json", index));
    const [image] = await sample.archive.read(stream(bytes), signal);
    assert.deepEqual(image?.names, names);
  }
});

test("what is written reads back as the same images with the same names", async (context) => {
  const sample = await fixture(context);
  const images = await sample.archive.read(
    stream(await oldDockerArchive(["test/app:1", "other:2"])),
    signal,
  );
  const bytes = await collect(sample.archive.write(images, signal));
  const other = await fixture(context);
  assert.deepEqual(await other.archive.read(stream(bytes), signal), images);
});

test("skopeo reads what is written, as Docker's archive and as an OCI archive", async (context) => {
  const sample = await fixture(context);
  const images = await sample.archive.read(stream(await oldDockerArchive()), signal);
  const path = join(sample.folder, "out.tar");
  await pipeline(sample.archive.write(images, signal), createWriteStream(path));
  const { digest } = (await manifestOf(sample, images[0]!)).config;
  for (const source of [`docker-archive:${path}:test/app:1`, `oci-archive:${path}:1`]) {
    const options = ["--insecure-policy", "--tmpdir", sample.folder];
    const { stdout } = await run("skopeo", [...options, "inspect", "--raw", "--config", source], {
      signal,
    });
    assert.equal(`sha256:${hex(stdout)}`, digest, source);
    const target = `dir:${join(sample.folder, hex(source))}`;
    await run("skopeo", [...options, "copy", source, target], { signal });
  }
});

test("what skopeo writes loads, as Docker's archive and as an OCI archive", async (context) => {
  const sample = await fixture(context);
  const parts = await ociParts();
  const layout = join(sample.folder, "in.tar");
  const bytes = await tar(
    file("oci-layout", `{"imageLayoutVersion":"1.0.0"}`),
    file("index.json", ociIndex(parts.manifest, { "org.opencontainers.image.ref.name": "1" })),
    ...parts.members,
  );
  await pipeline(stream(bytes), createWriteStream(layout));
  for (const kind of ["docker-archive", "oci-archive"]) {
    const path = join(sample.folder, `${kind}.tar`);
    const options = ["--insecure-policy", "--tmpdir", sample.folder];
    const target = `${kind}:${path}:example.com/hello:9`;
    await run("skopeo", [...options, "copy", `oci-archive:${layout}:1`, target], { signal });
    const [image] = await sample.archive.read(createReadStream(path), signal);
    assert.deepEqual(image?.names, ["example.com/hello:9"], kind);
    assert.equal((await manifestOf(sample, image)).layers.length, 1);
  }
});
