import assert from "node:assert/strict";
import { hostPlatform } from "../../src/domain/registry.ts";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  chainIds,
  manifestMediaType,
  mediaTypes,
  normalizePlatform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parsePlatform,
  selectPlatform,
} from "../../src/domain/manifest.ts";
import type { Descriptor, Platform } from "../../src/domain/image.ts";

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digest(text: string): `sha256:${string}` {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

function entry(name: string, platform?: Platform): Descriptor {
  return {
    mediaType: mediaTypes.ociManifest,
    digest: digest(name),
    size: 1,
    ...(platform ? { platform } : {}),
  };
}

test("manifests of OCI and of Docker give config and layers in order", () => {
  for (const [mediaType, config, layer] of [
    [mediaTypes.ociManifest, mediaTypes.ociConfig, mediaTypes.ociLayerZstd],
    [mediaTypes.dockerManifest, mediaTypes.dockerConfig, mediaTypes.dockerLayerGzip],
  ] as const) {
    const bytes = json({
      schemaVersion: 2,
      mediaType,
      config: { mediaType: config, digest: digest("c"), size: 7 },
      layers: ["a", "b"].map((name) => ({ mediaType: layer, digest: digest(name), size: 9 })),
    });
    const parsed = parseManifest(bytes, manifestMediaType(bytes, `${mediaType}; charset=utf-8`));
    assert.deepEqual(
      parsed.layers.map((each) => each.digest),
      [digest("a"), digest("b")],
    );
    assert.equal(parsed.config.size, 7);
  }
});

test("a Content-Type that says nothing leaves the type to the document", () => {
  const manifest = json({ schemaVersion: 2, config: {}, layers: [] });
  const index = json({ schemaVersion: 2, manifests: [] });
  for (const declared of ["", "application/json", "text/plain; charset=utf-8"]) {
    assert.equal(manifestMediaType(manifest, declared), mediaTypes.ociManifest);
    assert.equal(manifestMediaType(index, declared), mediaTypes.ociIndex);
  }
});

test("the platform of an index is chosen as Docker chooses it", () => {
  const amd64 = { os: "linux", architecture: "amd64" };
  const index = [
    entry("attestation", { os: "unknown", architecture: "unknown" }),
    entry("windows", { os: "windows", architecture: "amd64" }),
    entry("v6", { os: "linux", architecture: "arm", variant: "v6" }),
    entry("v7", { os: "linux", architecture: "arm", variant: "v7" }),
    entry("arm64", { os: "linux", architecture: "arm64", variant: "v8" }),
    entry("v3", { ...amd64, variant: "v3" }),
    entry("amd64", amd64),
  ];
  const chosen = (text: string): string => selectPlatform(index, parsePlatform(text)).digest;
  assert.equal(chosen("linux/amd64"), digest("amd64"));
  assert.equal(chosen("linux/amd64/v4"), digest("v3"));
  assert.equal(chosen("linux/arm64"), digest("arm64"));
  assert.equal(chosen("aarch64"), digest("arm64"));
  assert.equal(chosen("linux/arm"), digest("v7"));
  assert.equal(chosen("linux/arm/v6"), digest("v6"));
  assert.throws(() => chosen("linux/s390x"), {
    class: "not-found",
    message: "no matching manifest for linux/s390x in the manifest list entries",
  });
  assert.equal(selectPlatform([entry("only")], amd64).digest, digest("only"));
  assert.throws(() => selectPlatform([entry("one"), entry("two")], amd64));
});

test("platforms have one spelling", () => {
  assert.deepEqual(normalizePlatform({ os: "Linux", architecture: "x86_64" }), {
    os: "linux",
    architecture: "amd64",
  });
  assert.deepEqual(parsePlatform("linux/armhf"), { os: "linux", architecture: "arm" });
  const { architecture } = hostPlatform;
  assert.deepEqual(parsePlatform("linux"), { os: "linux", architecture });
  assert.deepEqual(parsePlatform("macOS"), { os: "darwin", architecture });
  assert.deepEqual(parsePlatform("x86_64"), { os: "linux", architecture: "amd64" });
  assert.throws(() => parsePlatform("foo"), {
    class: "invalid",
    message: '"foo": unknown operating system or architecture: invalid argument',
  });
  for (const text of ["", "a/b/c/d", "linux/", "../x", "linux/am d64"]) {
    assert.throws(() => parsePlatform(text), { code: "PLATFORM_INVALID" }, text);
  }
});

test("a configuration with everything gives everything", () => {
  const config = parseImageConfig(
    json({
      architecture: "arm64",
      variant: "v8",
      os: "linux",
      created: "2024-05-01T10:00:00.123456789Z",
      author: "Ada",
      config: {
        User: "1000:100",
        Env: ["PATH=/bin", "EMPTY="],
        Entrypoint: ["/entry"],
        Cmd: ["a", "b"],
        WorkingDir: "/srv",
        Labels: { "org.example": "x", __proto__x: "y" },
        ExposedPorts: { "80/tcp": {}, "53/UDP": {}, "443": {}, nonsense: {}, "70000/tcp": {} },
        Volumes: { "/data": {} },
        StopSignal: "SIGQUIT",
        Healthcheck: { Test: ["CMD", "true"], Interval: 1_000_000_000, Retries: 3 },
        OnBuild: ["RUN true"],
        Shell: ["/bin/bash", "-c"],
      },
      history: [{ created_by: "COPY", created: "2024-05-01T10:00:00Z" }, { empty_layer: true }],
      rootfs: { type: "layers", diff_ids: [digest("l")] },
    }),
  );
  assert.deepEqual(config.platform, { os: "linux", architecture: "arm64" });
  assert.deepEqual(config.process.exposedPorts.toSorted(), ["443/tcp", "53/udp", "80/tcp"]);
  assert.deepEqual(config.process.volumes, ["/data"]);
  assert.equal(config.process.healthcheck?.retries, 3);
  assert.equal(config.history[1]?.emptyLayer, true);
  assert.deepEqual(config.diffIds, [digest("l")]);
});

test("a configuration with nothing but layers is fine, as Docker takes it", () => {
  const config = parseImageConfig(
    json({ rootfs: { type: "layers", diff_ids: null }, config: null, history: null }),
  );
  assert.deepEqual(config.diffIds, []);
  assert.equal(config.process.command, null);
  assert.equal(config.platform.os, "linux");
  const text = parseImageConfig(
    json({ rootfs: { type: "layers" }, config: { Cmd: "one word" }, created: "no date" }),
  );
  assert.deepEqual(text.process.command, ["one word"]);
  assert.equal(text.created, "");
});

test("chain ids are those of the OCI specification", () => {
  const [a, b, c] = ["a", "b", "c"].map(digest) as [
    `sha256:${string}`,
    `sha256:${string}`,
    `sha256:${string}`,
  ];
  const ab = digest(`${a} ${b}`);
  assert.deepEqual(chainIds([a, b, c]), [a, ab, digest(`${ab} ${c}`)]);
  assert.deepEqual(chainIds([]), []);
});

test("an index gives its entries with platforms and annotations", () => {
  const platform = { os: "linux", architecture: "x86_64" };
  const annotations = { "vnd.docker.reference.type": "attestation-manifest" };
  const bytes = json({
    schemaVersion: 2,
    manifests: [
      { mediaType: mediaTypes.ociManifest, digest: digest("m"), size: 3, platform, annotations },
    ],
  });
  assert.deepEqual(parseIndex(bytes, mediaTypes.ociIndex).manifests, [
    {
      mediaType: mediaTypes.ociManifest,
      digest: digest("m"),
      size: 3,
      platform: { os: "linux", architecture: "amd64" },
      annotations,
    },
  ]);
});
