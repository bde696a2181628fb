import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDigest } from "../../src/domain/digest.ts";
import {
  manifestMediaType,
  mediaTypes,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from "../../src/domain/manifest.ts";
import { isDuetError } from "../../src/kit/errors.ts";
import { parseStrictJson } from "../../src/kit/strict-json.ts";

/* Group A of the attack list, cases 20–26 and 32, where they are about documents. */

const someDigest = `sha256:${"a".repeat(64)}`;
const config = { mediaType: mediaTypes.ociConfig, digest: someDigest, size: 1 };
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: someDigest, size: 1 };
const sound = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };

function manifest(changes: Record<string, unknown>): () => unknown {
  return () =>
    parseManifest(Buffer.from(JSON.stringify({ ...sound, ...changes })), mediaTypes.ociManifest);
}

function imageConfig(process: unknown): () => unknown {
  const document = { rootfs: { type: "layers", diff_ids: [] }, config: process };
  return () => parseImageConfig(Buffer.from(JSON.stringify(document)));
}

test("A20: data embedded in a descriptor must be what the descriptor says", () => {
  const data = Buffer.from("x").toString("base64");
  assert.throws(manifest({ config: { ...config, data } }), { code: "MANIFEST_INVALID" });
  const digest = "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
  manifest({ config: { ...config, data, digest } })();
});

test("A21: only a digest of the one grammar is taken", () => {
  const bad = [
    "sha256:../../../etc/passwd",
    `sha256:${"A".repeat(64)}`,
    `sha256:${"a".repeat(63)}`,
    `sha256:${"a".repeat(65)}`,
    `sha512:${"a".repeat(128)}`,
    `md5:${"a".repeat(32)}`,
    `sha256:${"a".repeat(64)}\n`,
    ` sha256:${"a".repeat(64)}`,
    "a".repeat(64),
    "",
    null,
    7,
    ["x"],
  ];
  for (const digest of bad) {
    assert.throws(() => parseDigest(digest), { code: "DIGEST_INVALID" });
    assert.throws(
      manifest({ layers: [{ ...layer, digest }] }),
      { class: "invalid" },
      String(digest),
    );
    const rootfs = { type: "layers", diff_ids: [digest] };
    assert.throws(() => parseImageConfig(Buffer.from(JSON.stringify({ rootfs }))), {
      class: "invalid",
    });
  }
});

test("A23: documents over 4 MiB, of endless depth or with endless lists are refused in no time", () => {
  const started = performance.now();
  const huge = Buffer.alloc((4 << 20) + 1, 0x20);
  assert.throws(() => parseManifest(huge, mediaTypes.ociManifest), { class: "too-large" });
  assert.throws(() => parseImageConfig(huge), { class: "too-large" });
  for (const open of ["[", `{"a":`]) {
    const deep = Buffer.from(open.repeat(200_000));
    assert.throws(() => parseManifest(deep, mediaTypes.ociManifest), { class: "invalid" });
    const closed = Buffer.from("[".repeat(100_000) + "]".repeat(100_000));
    assert.throws(() => parseImageConfig(closed), { class: "invalid" });
  }
  assert.throws(manifest({ layers: Array.from({ length: 10_000 }, () => layer) }), {
    code: "MANIFEST_INVALID",
  });
  const entries = Array.from({ length: 20_000 }, () => ({ ...config, mediaType: "x" }));
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: entries }));
  assert.throws(() => parseIndex(index, mediaTypes.ociIndex), { class: /invalid|too-large/ });
  assert.ok(performance.now() - started < 60_000);
});

test("A24: what one reader could take for an image and another for an index is refused", () => {
  const index = { schemaVersion: 2, manifests: [] };
  assert.throws(manifest({ manifests: [] }), { code: "MANIFEST_INVALID", message: /ambiguous/ });
  assert.throws(manifest({ fsLayers: [] }), { code: "MANIFEST_INVALID" });
  for (const extra of [{ layers: [] }, { config }, { fsLayers: [] }]) {
    const bytes = Buffer.from(JSON.stringify({ ...index, ...extra }));
    assert.throws(() => parseIndex(bytes, mediaTypes.ociIndex), { message: /ambiguous/ });
  }
  const bytes = Buffer.from(JSON.stringify(sound));
  assert.throws(() => manifestMediaType(bytes, mediaTypes.ociIndex), { code: "MANIFEST_INVALID" });
  assert.throws(() => manifestMediaType(bytes, mediaTypes.dockerManifest), {
    code: "MANIFEST_INVALID",
  });
  assert.throws(() => parseManifest(bytes, mediaTypes.dockerManifest), {
    code: "MANIFEST_INVALID",
  });
  assert.throws(() => parseManifest(bytes, mediaTypes.ociIndex), { code: "MANIFEST_INVALID" });
  const chart = { ...config, mediaType: "application/vnd.cncf.helm.config.v1+json" };
  assert.throws(manifest({ config: chart }), { code: "MANIFEST_UNSUPPORTED" });
});

test("A24: sizes and versions that are not whole numbers are refused", () => {
  for (const size of [-1, 1.5, 2 ** 53, "1", null, undefined, true, [1]]) {
    assert.throws(manifest({ layers: [{ ...layer, size }] }), { class: "invalid" }, String(size));
  }
  assert.throws(manifest({ layers: [0, 1].map(() => ({ ...layer, size: 2 ** 53 - 1 })) }), {
    class: "invalid",
  });
  for (const schemaVersion of [0, 3, "2", null, [2]]) {
    assert.throws(manifest({ schemaVersion }), { class: "invalid" });
  }
  assert.throws(manifest({ schemaVersion: 1 }), { code: "MANIFEST_UNSUPPORTED" });
});

test("A26: an object with the same key twice is refused, also when the key is written otherwise", () => {
  const limits = { maximumBytes: 1_000 };
  for (const text of [
    `{"a":1,"a":1}`,
    `{"a":1,"\\u0061":2}`,
    `{"x":[{"k":{},"k":{}}]}`,
    `{"":1,"":2}`,
    `{"__proto__":1,"__proto__":2}`,
    `{"a\\"b":1,"a\\u0022b":1}`,
    `{"a":"}","a":"{"}`,
  ]) {
    assert.throws(
      () => parseStrictJson(Buffer.from(text), "it", limits),
      { message: /stands twice/ },
      text,
    );
  }
  for (const text of [
    `{"a":{"a":1},"b":{"a":1}}`,
    `[{"a":1},{"a":1}]`,
    `{"a":"a","b":"\\\\"}`,
    `["a","a"]`,
  ]) {
    assert.deepEqual(parseStrictJson(Buffer.from(text), "it", limits), JSON.parse(text));
  }
  assert.throws(() => parseStrictJson(Buffer.from(`\ufeff{}`), "it", limits), {
    code: "JSON_INVALID",
  });
  assert.throws(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22]), "it", limits), {
    message: /UTF-8/,
  });
  assert.throws(manifest({ Layers: [] }), { message: /differ only in case/ });
});

test("A32: NUL in what becomes an argument, variable, path or label is refused", () => {
  const nul = "a\0b";
  for (const process of [
    { Env: [nul] },
    { Cmd: [nul] },
    { Cmd: nul },
    { Entrypoint: [nul] },
    { User: nul },
    { WorkingDir: nul },
    { Labels: { [nul]: "x" } },
    { Labels: { x: nul } },
    { Volumes: { [nul]: {} } },
    { Healthcheck: { Test: ["CMD", nul] } },
    { StopSignal: nul },
  ]) {
    assert.throws(
      imageConfig(process),
      { code: "IMAGE_CONFIG_INVALID", message: /NUL/ },
      JSON.stringify(process),
    );
  }
});

test("A31: keys that mean something to JavaScript are data like any other", () => {
  const text = `{"rootfs":{"type":"layers","diff_ids":[]},"config":{"Labels":{"__proto__":"x","constructor":"y"}}}`;
  const { labels } = parseImageConfig(Buffer.from(text)).process;
  assert.equal(Object.getPrototypeOf(labels), Object.prototype);
  assert.deepEqual(Object.entries(labels), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  assert.throws(imageConfig({ Env: { length: 1 } }), { class: "invalid" });
});

test("no document makes a parser fail in any but a typed way", () => {
  const documents = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(
        fc.constantFrom("config", "layers", "manifests", "schemaVersion", "mediaType", "rootfs"),
        fc.jsonValue(),
      )
      .map(([key, value]) =>
        Buffer.from(JSON.stringify({ ...sound, rootfs: { diff_ids: [] }, [key]: value })),
      ),
  );
  const parsers = [
    (bytes: Buffer) => parseManifest(bytes, mediaTypes.ociManifest),
    (bytes: Buffer) => parseIndex(bytes, mediaTypes.ociIndex),
    (bytes: Buffer) => manifestMediaType(bytes, ""),
    parseImageConfig,
  ];
  fc.assert(
    fc.property(documents, (bytes) => {
      for (const parse of parsers) {
        try {
          parse(bytes);
        } catch (error) {
          assert.ok(isDuetError(error), String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});
