import assert from "node:assert/strict";
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import {
  createOverlaySnapshotter,
  type OverlaySnapshotter,
} from "../../../src/drivers/snapshots/overlay.ts";
import type { UnpackRequest } from "../../../src/domain/snapshot.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { archiveOf, rawExtended, type Sample } from "../../kit/tar/samples.ts";
import { rootfsBinary } from "../../native/rootfs/binary.ts";
import { imageOf, sha256, type TestImage } from "../../suites/layers.ts";
import { makePlace, withCode, type Place } from "./outside.ts";

interface Attacked {
  readonly place: Place;
  readonly driver: OverlaySnapshotter;
}

async function attacked(context: TestContext, limits = {}): Promise<Attacked> {
  const place = makePlace(context);
  const driver = await createOverlaySnapshotter({
    directory: join(place.inside, "s"),
    binary: rootfsBinary,
    log: silentLog,
    limits,
  });
  return { place, driver };
}

/** The unpack fails with one of the codes, and nothing is committed or left. */
async function refused(
  context: TestContext,
  image: TestImage,
  codes: readonly string[],
  limits = {},
): Promise<void> {
  const { place, driver } = await attacked(context, limits);
  await assert.rejects(driver.unpack(image.request, never), withCode(...codes));
  place.check();
  assert.deepEqual((await driver.list()).committed, []);
  assert.deepEqual(readdirSync(join(place.inside, "s/l")), ["0"]);
}

function layer(...samples: readonly Sample[]): TestImage {
  return imageOf([archiveOf(samples)]);
}

for (const name of ["../x", "a/../../x", "a/../../../../tmp/x"]) {
  test(`a member named ${name} is refused (A1)`, async (context) => {
    await refused(context, layer({ kind: "file", name, data: "x" }), ["PATH_ESCAPES"]);
  });
}

test("absolute names and names that climb from the root stay inside (A1)", async (context) => {
  const { place, driver } = await attacked(context);
  const image = layer(
    { kind: "file", name: "/abs", data: "x" },
    { kind: "file", name: "/../climb", data: "x" },
    { kind: "file", name: "./a/./b//../c", data: "x" },
    { kind: "hardlink", name: "hard", linkName: "/../climb" },
  );
  await driver.unpack(image.request, never);
  const root = join(place.inside, "s/l/1");
  assert.deepEqual(readdirSync(root).toSorted(), ["a", "abs", "climb", "hard"]);
  assert.deepEqual(readdirSync(join(root, "a")), ["c"]);
  await driver.flushed();
  place.check();
});

test("links lead nowhere but into the layer, one or a chain of them (A2)", async (context) => {
  const { place, driver } = await attacked(context);
  const { outside } = place;
  const image = layer(
    { kind: "symlink", name: "abs", linkName: outside },
    { kind: "file", name: "abs/planted", data: "x" },
    { kind: "symlink", name: "up", linkName: "../../../../../../../../.." },
    { kind: "file", name: `up${outside}/planted`, data: "x" },
    { kind: "directory", name: "inner" },
    { kind: "symlink", name: "inner/go_up", linkName: ".." },
    { kind: "symlink", name: "inner/escape", linkName: "go_up/.." },
    { kind: "file", name: "inner/escape/outside/planted", data: "x" },
    { kind: "symlink", name: "canary", linkName: join(outside, "canary") },
    { kind: "file", name: "canary", data: "replaced, not followed" },
  );
  await driver
    .unpack(image.request, never)
    .catch(withCode("PATH_EXISTS", "PATH_NOT_FOUND", "NOT_A_DIRECTORY"));
  await driver.flushed();
  place.check();
});

test("a hardlink to something outside is refused (A2)", async (context) => {
  const place = makePlace(context);
  const target = join(place.outside, "canary");
  await refused(context, layer({ kind: "hardlink", name: "h", linkName: target }), [
    "PATH_NOT_FOUND",
  ]);
  await refused(
    context,
    layer(
      { kind: "symlink", name: "l", linkName: place.outside },
      { kind: "hardlink", name: "h", linkName: "l/canary" },
    ),
    ["PATH_NOT_FOUND"],
  );
  place.check();
});

test("a folder that a later member replaces by a link is not written through (A4)", async (context) => {
  const { place, driver } = await attacked(context);
  const image = layer(
    { kind: "directory", name: "d" },
    { kind: "file", name: "d/a", data: "x" },
    { kind: "symlink", name: "d", linkName: place.outside },
    { kind: "file", name: "d/planted", data: "x" },
  );
  await driver.unpack(image.request, never).catch(withCode("PATH_EXISTS", "PATH_NOT_FOUND"));
  await driver.flushed();
  place.check();
});

test("owner, mode, time and attributes of a link's target are not touched (A5)", async (context) => {
  const { place, driver } = await attacked(context);
  const target = join(place.outside, "canary");
  const attributes = [{ name: Buffer.from("user.x"), value: Buffer.from("y") }];
  const image = layer(
    {
      kind: "symlink",
      name: "l",
      linkName: target,
      uid: 5,
      gid: 5,
      mode: 0o777,
      modifiedSeconds: 1,
      attributes,
    },
    { kind: "symlink", name: "inside-link", linkName: "l" },
    { kind: "directory", name: "real", mode: 0o700 },
    { kind: "symlink", name: "to-real", linkName: "real" },
  );
  await driver.unpack(image.request, never);
  const root = join(place.inside, "s/l/1");
  assert.equal(lstatSync(join(root, "l")).uid, 5);
  assert.equal(lstatSync(join(root, "real")).mode & 0o777, 0o700);
  await driver.flushed();
  place.check();
});

for (const name of [
  ".wh.",
  "d/.wh.",
  ".wh..",
  "d/.wh..",
  ".wh...",
  "d/.wh...",
  ".wh.../x",
  ".wh.d/x",
]) {
  test(`the whiteout ${name} is refused (A6)`, async (context) => {
    await refused(
      context,
      layer(
        { kind: "directory", name: "d" },
        { kind: "file", name: "d/f" },
        { kind: "file", name },
      ),
      ["TAR_INVALID"],
    );
  });
}

test("a whiteout through a link is refused (A6)", async (context) => {
  await refused(
    context,
    layer(
      { kind: "directory", name: "etc" },
      { kind: "file", name: "etc/passwd" },
      { kind: "symlink", name: "link", linkName: "etc" },
      { kind: "file", name: "link/.wh.passwd" },
    ),
    ["PATH_ESCAPES"],
  );
});

test("an opaque root hides the layers below and nothing else (A6)", async (context) => {
  const { place, driver } = await attacked(context);
  const image = imageOf([
    archiveOf([{ kind: "file", name: "old" }]),
    archiveOf([
      { kind: "file", name: ".wh..wh..opq" },
      { kind: "file", name: "new" },
    ]),
  ]);
  await driver.unpack(image.request, never);
  assert.ok(existsSync(join(place.inside, "s/l/1/old")));
  const root = await driver.prepare("one", image.top, never);
  const mounts = root.kind === "directory" ? root.mounts : [];
  const access = createRootfsAccess({ binary: rootfsBinary, log: silentLog });
  await using session = await access.open({ kind: "mounts", mounts, readonly: true }, never);
  assert.equal((await session.stat("/new", false, never)).name, "new");
  await assert.rejects(session.stat("/old", false, never), withCode("PATH_NOT_FOUND"));
  await session[Symbol.asyncDispose]();
  await driver.flushed();
  place.check();
});

test("overlayfs's own marks in a tar are left out (A8)", async (context) => {
  const { place, driver } = await attacked(context);
  const mark = (name: string) => ({ name: Buffer.from(name), value: Buffer.from("y") });
  const image = imageOf([
    archiveOf([
      { kind: "directory", name: "d" },
      { kind: "file", name: "d/kept" },
      { kind: "file", name: "f" },
    ]),
    archiveOf([
      {
        kind: "directory",
        name: "d",
        attributes: [
          mark("trusted.overlay.opaque"),
          mark("trusted.overlay.redirect"),
          mark("user.overlay.opaque"),
          mark("user.fine"),
          mark("security.selinux"),
        ],
      },
      { kind: "character", name: "f", deviceMajor: 0, deviceMinor: 0 },
    ]),
  ]);
  await driver.unpack(image.request, never);
  const root = await driver.prepare("one", image.top, never);
  assert.ok(root.kind === "directory");
  const access = createRootfsAccess({ binary: rootfsBinary, log: silentLog });
  const mounts = root.kind === "directory" ? root.mounts : [];
  const session = await access.open({ kind: "mounts", mounts, readonly: true }, never);
  assert.equal((await session.stat("/d/kept", false, never)).name, "kept");
  assert.equal((await session.stat("/f", false, never)).name, "f");
  await session[Symbol.asyncDispose]();
  assert.ok(
    mounts[0]!.options.includes("redirect_dir=nofollow") &&
      mounts[0]!.options.includes("metacopy=off"),
  );
  await driver.flushed();
  place.check();
});

test("a bomb stops at the ceiling and leaves nothing (A11)", async (context) => {
  const tar = archiveOf([{ kind: "file", name: "zeros", data: Buffer.alloc(20 << 20) }]);
  await refused(context, imageOf([tar]), ["DECOMPRESSED_TOO_LARGE"], { layerBytes: 1 << 20 });
  const padded = Buffer.concat([archiveOf([{ kind: "file", name: "f" }]), Buffer.alloc(20 << 20)]);
  await refused(context, imageOf([padded]), ["DECOMPRESSED_TOO_LARGE"], { layerBytes: 1 << 20 });
});

test("a sparse file counts with its logical size (A12)", async (context) => {
  const sparse = Buffer.concat([
    rawExtended("x", "26 GNU.sparse.map=0,0,0,0\n31 GNU.sparse.size=99999999999\n"),
    archiveOf([{ kind: "file", name: "f" }]),
  ]);
  await refused(context, imageOf([sparse]), ["TAR_TOO_LARGE"], { logicalBytes: 1 << 30 });
});

test("names are bytes, and over-long ones are refused (A17)", async (context) => {
  const { place, driver } = await attacked(context);
  const bytes = Buffer.from([0xff, 0xfe, 0x2d, 0x0a, 0x22, 0xc3]);
  const image = layer(
    { kind: "file", name: bytes, data: "x" },
    { kind: "symlink", name: "l", linkName: bytes },
  );
  await driver.unpack(image.request, never);
  const found = readdirSync(join(place.inside, "s/l/1"), { encoding: "buffer" });
  assert.ok(found.some((name) => name.equals(bytes)));
  await driver.flushed();
  place.check();
  await refused(context, layer({ kind: "file", name: "n".repeat(256) }), ["NAME_TOO_LONG"]);
  await refused(context, layer({ kind: "file", name: "d/".repeat(2_048) + "f" }), [
    "NAME_TOO_LONG",
  ]);
});

test("ten thousand levels through links and tens of thousands of members in any order take no more than they should (A18)", async (context) => {
  const { place, driver } = await attacked(context);
  const deep: Sample[] = [];
  const step = "d/".repeat(1_000);
  let at = "";
  for (let level = 0; level < 10; level += 1) {
    deep.push({ kind: "directory", name: `${at}${step}` });
    deep.push({ kind: "symlink", name: `s${level}`, linkName: `${at}${step}` });
    at = `s${level}/`;
  }
  await driver.unpack(layer(...deep).request, never);
  const wide: Sample[] = [];
  for (let index = 0; index < 30_000; index += 1)
    wide.push({ kind: "file", name: `${(index * 7_919) % 100}/${index}` });
  const begun = performance.now();
  await driver.unpack(layer(...wide).request, never);
  assert.ok(performance.now() - begun < 300_000);
  for (const chain of (await driver.list()).committed) await driver.removeCommitted(chain, never);
  assert.deepEqual(readdirSync(join(place.inside, "s/l")), ["0"]);
  place.check();
  await refused(context, layer(...wide.slice(0, 20)), ["TAR_TOO_LARGE"], { entries: 10 });
});

test("a damaged, cut off or foreign stream is an error and no hang (A19)", async (context) => {
  const tar = archiveOf([{ kind: "file", name: "f", data: "x".repeat(10_000) }]);
  const blob = gzipSync(tar);
  const whole = imageOf([tar]);
  const damaged: readonly [Buffer, string][] = [
    [blob.subarray(0, -10), "COMPRESSION_INVALID"],
    [Buffer.concat([blob, Buffer.from("garbage")]), "COMPRESSION_INVALID"],
    [gzipSync(tar.subarray(0, 3_000)), "TAR_INVALID"],
    [gzipSync(Buffer.concat([tar, Buffer.from("garbage")])), "TAR_INVALID"],
    [Buffer.from("<html>404</html>".repeat(100)), "TAR_INVALID"],
    [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]), "COMPRESSION_INVALID"],
  ];
  for (const [bytes, code] of damaged) {
    const request: UnpackRequest = { ...whole.request, open: async () => one(bytes) };
    await refused(context, { ...whole, request }, [code]);
  }
});

test("content that is not what the config says is not committed, nor what is above it (A20)", async (context) => {
  const tars = [archiveOf([{ kind: "file", name: "a" }]), archiveOf([{ kind: "file", name: "b" }])];
  const image = imageOf(tars);
  const diffIds = [sha256("something else"), image.request.diffIds[1]!];
  await refused(context, { ...image, request: { ...image.request, diffIds } }, ["DIGEST_MISMATCH"]);
  const short = { ...image.request, diffIds: diffIds.slice(1) };
  await refused(context, { ...image, request: short }, ["LAYER_COUNT"]);
});

async function* one(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}
