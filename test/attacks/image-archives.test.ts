import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import type { TarMember } from "../../src/kit/tar/writer.ts";
import {
  configFor,
  file,
  fixture,
  hex,
  layerTar,
  link,
  ociIndex,
  ociParts,
  oldDockerArchive,
  signal,
  stream,
  tar,
} from "../drivers/archive/samples.ts";

/* Group A of the attack list, where an image archive is the attacker. */

async function load(context: TestContext, bytes: Buffer): Promise<unknown> {
  const { archive, folder } = await fixture(context);
  try {
    return await archive.read(stream(bytes), signal);
  } finally {
    assert.deepEqual(readdirSync(join(folder, "content", "ingests")), [], "an ingest was left");
  }
}

async function refuses(
  context: TestContext,
  members: readonly TarMember[],
  error: object,
): Promise<void> {
  const bytes = await tar(...members);
  await assert.rejects(load(context, bytes), error);
}

async function dockerArchive(changes: {
  config?: string;
  configName?: string;
  layers?: readonly string[];
  more?: readonly TarMember[];
  layer?: Buffer;
}): Promise<TarMember[]> {
  const layer = await layerTar("one");
  const config = changes.config ?? configFor([layer]).toString();
  const configName = changes.configName ?? `${hex(config)}.json`;
  const list = [
    { Config: configName, RepoTags: ["a:1"], Layers: changes.layers ?? ["x/layer.tar"] },
  ];
  return [
    file(configName, config),
    file("x/layer.tar", changes.layer ?? layer),
    ...(changes.more ?? []),
    file("manifest.json", JSON.stringify(list)),
  ];
}

test("A1: names and links that lead out of an archive are refused", async (context) => {
  const invalid = { code: "ARCHIVE_INVALID" };
  for (const name of ["../x", "a/../../x", "/etc/passwd", "a/.."]) {
    await refuses(context, [file(name, "x"), ...(await dockerArchive({}))], invalid);
    await refuses(
      context,
      [link("y", "x", "hardlink"), ...(await dockerArchive({ layers: [name] }))],
      invalid,
    );
  }
  await refuses(
    context,
    await dockerArchive({ layers: ["z"], more: [link("z", "/etc/passwd")] }),
    invalid,
  );
  await refuses(
    context,
    await dockerArchive({ layers: ["z"], more: [link("z", "../../etc/shadow")] }),
    invalid,
  );
  await refuses(context, await dockerArchive({ layers: ["../../etc/shadow"] }), invalid);
});

test("A2: links in circles, to nothing, or to this host's files give no layer", async (context) => {
  const invalid = { code: "ARCHIVE_INVALID" };
  await refuses(
    context,
    await dockerArchive({ layers: ["p"], more: [link("p", "q"), link("q", "p")] }),
    invalid,
  );
  await refuses(
    context,
    await dockerArchive({ layers: ["p"], more: [link("p", "etc/passwd")] }),
    invalid,
  );
  await refuses(context, await dockerArchive({ layers: ["p"], more: [link("p", "p")] }), invalid);
});

test("A9: devices and the like have no place in an archive", async (context) => {
  for (const kind of ["character", "block", "fifo"] as const) {
    const node: TarMember = { header: { kind, name: Buffer.from("x/node"), mode: 0o666 } };
    await refuses(context, [node, ...(await dockerArchive({}))], { code: "ARCHIVE_INVALID" });
  }
});

test("A20: blobs, configurations and layers that are not what their names say are refused", async (context) => {
  const parts = await ociParts();
  const mismatch = { class: "corrupt", code: "DIGEST_MISMATCH" };
  await refuses(context, [file(`blobs/sha256/${hex("other")}`, "x")], mismatch);
  await refuses(context, await dockerArchive({ configName: `${hex("other")}.json` }), mismatch);
  await refuses(context, await dockerArchive({ layer: await layerTar("two") }), mismatch);
  const longer = JSON.parse(ociIndex(parts.manifest).toString());
  longer.manifests[0].size += 1;
  await refuses(context, [...parts.members, file("index.json", JSON.stringify(longer))], {
    code: "SIZE_MISMATCH",
  });
  const lies = await ociParts({
    layers: [
      {
        mediaType: "application/vnd.oci.image.layer.v1.tar",
        digest: `sha256:${hex(parts.layer)}`,
        size: 3,
      },
    ],
  });
  await refuses(context, [...lies.members, file("index.json", ociIndex(lies.manifest))], {
    code: "SIZE_MISMATCH",
  });
});

test("A21: a blob's name that is no digest gets near no path", async (context) => {
  for (const name of [
    "blobs/sha256/x",
    `blobs/sha512/${"a".repeat(128)}`,
    `blobs/sha256/${"A".repeat(64)}`,
  ]) {
    await refuses(context, [file(name, "x")], { code: "ARCHIVE_INVALID" });
  }
});

test("A23: an endless index, list or number of members ends in a refusal", async (context) => {
  const huge = Buffer.alloc((4 << 20) + 1, 0x20);
  for (const name of ["index.json", "manifest.json", "repositories", "oci-layout"]) {
    await refuses(context, [file(name, huge)], { class: "too-large" });
  }
  const images = Array.from({ length: 2_000 }, () => ({ Config: "a", RepoTags: null, Layers: [] }));
  await refuses(context, [file("manifest.json", JSON.stringify(images))], {
    code: "ARCHIVE_INVALID",
  });
  const directories = Array.from({ length: 20_001 }, (_, index): TarMember => {
    return { header: { kind: "directory", name: Buffer.from(`d${index}`), mode: 0o755 } };
  });
  await refuses(context, directories, { class: "too-large" });
});

test("A24, A26: documents that two readers could understand differently are refused", async (context) => {
  const parts = await ociParts();
  const text = ociIndex(parts.manifest).toString();
  const twice = text.replace(`"schemaVersion":2`, `"schemaVersion":2,"manifests":[]`);
  await refuses(context, [...parts.members, file("index.json", twice)], {
    message: /stands twice/,
  });
  const ambiguous = await ociParts({ manifests: [] });
  await refuses(context, [...ambiguous.members, file("index.json", ociIndex(ambiguous.manifest))], {
    code: "MANIFEST_INVALID",
  });
  const docker = (await dockerArchive({})).concat(file("manifest.json", "[]"));
  await refuses(context, docker, { code: "ARCHIVE_INVALID", message: /two members/ });
});

test("A19: archives that end early, are damaged or are none at all give typed errors", async (context) => {
  const whole = gzipSync(await oldDockerArchive());
  const bent = Buffer.from(whole);
  bent[whole.length - 6] = bent[whole.length - 6]! ^ 1;
  for (const bytes of [
    whole.subarray(0, -20),
    whole.subarray(0, 500),
    bent,
    Buffer.from("no tar at all"),
    Buffer.alloc(0),
  ]) {
    await assert.rejects(load(context, bytes), { class: /corrupt|invalid/ });
  }
  await refuses(context, [file("hello", "x")], { code: "ARCHIVE_INVALID" });
  await refuses(context, [file("manifest.json", "{}")], { class: "invalid" });
  await refuses(context, [file("manifest.json", "[null]")], { class: "invalid" });
  await refuses(context, [file("index.json", `{"schemaVersion":2,"manifests":[]}`)], {
    code: "ARCHIVE_INVALID",
  });
});

test("A22: names that are no references are refused", async (context) => {
  const members = await dockerArchive({});
  for (const name of ["../../x", "UPPER", "a b", "x:y:z", ""]) {
    const list = JSON.stringify([{ Config: "c", RepoTags: [name], Layers: [] }]);
    await refuses(context, [...members.slice(0, -1), file("manifest.json", list)], {
      code: "REFERENCE_INVALID",
    });
  }
});

test("an index nested in itself or too deeply ends", async (context) => {
  const parts = await ociParts();
  let inner = parts.manifest;
  const blobs = [...parts.members];
  for (let depth = 0; depth < 8; depth += 1) {
    const document = JSON.parse(ociIndex(inner).toString());
    if (depth > 0) document.manifests[0].mediaType = "application/vnd.oci.image.index.v1+json";
    inner = Buffer.from(JSON.stringify(document));
    blobs.push(file(`blobs/sha256/${hex(inner)}`, inner));
  }
  const top = JSON.parse(ociIndex(inner).toString());
  top.manifests[0].mediaType = "application/vnd.oci.image.index.v1+json";
  await refuses(context, [...blobs, file("index.json", JSON.stringify(top))], {
    code: "ARCHIVE_INVALID",
  });
});
