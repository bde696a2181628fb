import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import { createOverlaySnapshotter } from "../../../src/drivers/snapshots/overlay.ts";
import type { RootfsSession } from "../../../src/domain/rootfs.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { archiveOf, readAll, type Sample } from "../../kit/tar/samples.ts";
import { rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";
import { imageOf } from "../../suites/layers.ts";

/** The root that these layers make, one on the other. */
async function rootOf(
  context: TestContext,
  layers: readonly (readonly Sample[])[],
): Promise<RootfsSession> {
  const driver = await createOverlaySnapshotter({
    directory: join(temporaryFolder(context), "s"),
    binary: rootfsBinary,
    log: silentLog,
  });
  const image = imageOf(layers.map((samples) => archiveOf(samples)));
  await driver.unpack(image.request, never);
  const root = await driver.prepare("one", image.top, never);
  assert.ok(root.kind === "directory");
  const access = createRootfsAccess({ binary: rootfsBinary, log: silentLog });
  return await access.open({ kind: "mounts", mounts: root.mounts, readonly: true }, never);
}

test("a folder that a layer does not describe keeps owner, mode and time of the layers below", async (context) => {
  await using root = await rootOf(context, [
    [{ kind: "directory", name: "srv", mode: 0o2711, uid: 11, gid: 12, modifiedSeconds: 500 }],
    [{ kind: "file", name: "srv/new", data: "x" }],
    [{ kind: "file", name: "srv/deep/er/newer", data: "x" }],
  ]);
  const found = await root.stat("/srv", false, never);
  assert.equal(found.mode & 0o7777, 0o2711);
  assert.equal(found.modifiedAt, 500_000);
  assert.equal((await root.stat("/srv/deep", false, never)).mode & 0o7777, 0o755);
});

test("a folder that a layer describes after what is in it is as that layer says", async (context) => {
  await using root = await rootOf(context, [
    [{ kind: "directory", name: "srv", mode: 0o755, uid: 1, modifiedSeconds: 500 }],
    [
      { kind: "file", name: "srv/deep/new", data: "x" },
      { kind: "directory", name: "srv/deep", mode: 0o711 },
      { kind: "directory", name: "srv", mode: 0o700, uid: 2, modifiedSeconds: 600 },
    ],
  ]);
  const found = await root.stat("/srv", false, never);
  assert.deepEqual([found.mode & 0o7777, found.modifiedAt], [0o700, 600_000]);
  assert.equal((await root.stat("/srv/deep", false, never)).mode & 0o7777, 0o711);
});

test("a folder made for a member and replaced by a later one takes nothing from the layers below", async (context) => {
  await using root = await rootOf(context, [
    [
      { kind: "directory", name: "d/e", mode: 0o700 },
      { kind: "directory", name: "other/e", mode: 0o711 },
    ],
    [
      { kind: "file", name: "d/e/f", data: "x" },
      { kind: "directory", name: "other/e", mode: 0o711 },
      { kind: "symlink", name: "d", linkName: "other" },
    ],
  ]);
  assert.equal((await root.stat("/d", false, never)).linkTarget, "/other");
  assert.equal((await root.stat("/other/e", false, never)).mode & 0o7777, 0o711);
});

test("times that Docker's file systems may not have become 1970", async (context) => {
  const times = [-1, 0, 2 ** 33, 9_223_372_035, 9_223_372_036];
  const samples = times.map((modifiedSeconds, index): Sample => {
    return { kind: "file", name: `f${index}`, modifiedSeconds, modifiedNanoseconds: 5 };
  });
  await using root = await rootOf(context, [samples]);
  const found = [];
  for (const index of times.keys())
    found.push(Math.floor((await root.stat(`/f${index}`, false, never)).modifiedAt / 1_000));
  assert.deepEqual(found, [0, 0, 2 ** 33, 9_223_372_035, 0]);
});

test("a default ACL of a folder changes nothing of what its layer has in it", async (context) => {
  const entries = [
    "01000700ffffffff",
    "02000700e8030000",
    "04000000ffffffff",
    "10000700ffffffff",
    "20000000ffffffff",
  ];
  const value = Buffer.from(`02000000${entries.join("")}`, "hex");
  const acl = { name: Buffer.from("system.posix_acl_default"), value };
  await using root = await rootOf(context, [
    [
      { kind: "directory", name: "d", attributes: [acl] },
      { kind: "directory", name: "d/e", mode: 0o755 },
      { kind: "file", name: "d/f", mode: 0o755, data: "x" },
      { kind: "fifo", name: "d/p", mode: 0o755 },
    ],
  ]);
  const parts: Buffer[] = [];
  for await (const part of root.archive("/d", never)) parts.push(part);
  const found = (await readAll(Buffer.concat(parts))).map(({ entry }) => {
    const attributes = entry.attributes.map(({ name }) => name.toString());
    return [entry.name.toString(), entry.mode, ...attributes];
  });
  assert.deepEqual(found, [
    ["d", 0o755, "system.posix_acl_default"],
    ["d/e", 0o755],
    ["d/f", 0o755],
    ["d/p", 0o755],
  ]);
});

test("what a layer says with a second name counts for the file, and what it says again takes nothing from it", async (context) => {
  const value = Buffer.from(`0100000200200000${"00".repeat(12)}`, "hex");
  const attributes = [{ name: Buffer.from("security.capability"), value }];
  await using root = await rootOf(context, [
    [
      { kind: "file", name: "same", mode: 0o755, uid: 3, data: "x", attributes },
      { kind: "hardlink", name: "same-too", linkName: "same", mode: 0o755, uid: 3 },
      { kind: "file", name: "file", mode: 0o644, data: "x" },
      {
        kind: "hardlink",
        name: "other",
        linkName: "file",
        mode: 0o4711,
        uid: 5,
        modifiedSeconds: 9,
      },
      { kind: "symlink", name: "link", linkName: "file" },
      { kind: "hardlink", name: "link-too", linkName: "link", uid: 6, modifiedSeconds: 7 },
    ],
  ]);
  const parts: Buffer[] = [];
  for await (const part of root.archive("/.", never)) parts.push(part);
  const found = (await readAll(Buffer.concat(parts))).map(
    ({ entry: { name, mode, uid, modifiedSeconds, attributes: list } }) =>
      [name.toString(), mode.toString(8), uid, modifiedSeconds, list.length].join(" "),
  );
  assert.deepEqual(found.slice(1), [
    "./file 4711 5 9 0",
    "./link 777 6 0 0",
    "./link-too 777 6 0 0",
    "./other 4711 5 9 0",
    "./same 755 3 0 1",
    "./same-too 755 3 0 1",
  ]);
});
