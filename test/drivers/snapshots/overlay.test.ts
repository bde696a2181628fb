import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  mkdirSync,
} from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import {
  createOverlaySnapshotter,
  type OverlaySnapshotter,
} from "../../../src/drivers/snapshots/overlay.ts";
import type { RootSource } from "../../../src/domain/snapshot.ts";
import type { RootfsSession } from "../../../src/domain/rootfs.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { archiveOf, readAll, type Sample } from "../../kit/tar/samples.ts";
import { rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";
import { imageOf } from "../../suites/layers.ts";
import { snapshotterSuite } from "../../suites/snapshotter.ts";

const access = createRootfsAccess({ binary: rootfsBinary, log: silentLog });

async function openOverlay(folder: string): Promise<OverlaySnapshotter> {
  return await createOverlaySnapshotter({
    directory: join(folder, "s"),
    binary: rootfsBinary,
    log: silentLog,
  });
}

async function enter(root: RootSource): Promise<RootfsSession> {
  assert.equal(root.kind, "directory");
  if (root.kind !== "directory") throw new Error("not a directory root");
  return await access.open({ kind: "mounts", mounts: root.mounts, readonly: false }, never);
}

async function names(session: RootfsSession, path: string): Promise<string[]> {
  const parts: Buffer[] = [];
  for await (const part of session.archive(`${path}/.`, never)) parts.push(part);
  const seen = await readAll(Buffer.concat(parts));
  return seen
    .map(({ entry }) => entry.name.toString("latin1").replace(/^\.\/?/, ""))
    .filter((name) => name !== "")
    .toSorted();
}

const opened = new Map<string, OverlaySnapshotter>();

/** One at a time has a folder: another that still notes its layers down would be disturbed. */
async function reopenOverlay(folder: string): Promise<OverlaySnapshotter> {
  await opened.get(folder)?.flushed();
  const driver = await openOverlay(folder);
  opened.set(folder, driver);
  return driver;
}

snapshotterSuite("overlay", reopenOverlay, async (root) => {
  await using session = await enter(root);
  const all = await names(session, "/");
  return all.filter((name) => name.startsWith("etc/")).map((name) => name.slice(4));
});

async function merged(
  context: TestContext,
  layers: readonly (readonly Sample[])[],
): Promise<{ session: RootfsSession; folder: string }> {
  const folder = temporaryFolder(context);
  const driver = await openOverlay(folder);
  const image = imageOf(layers.map((samples) => archiveOf(samples)));
  await driver.unpack(image.request, never);
  const session = await enter(await driver.prepare("one", image.top, never));
  return { session, folder };
}

test("an opaque folder hides what lower layers have, before or after its own members", async (context) => {
  for (const order of ["first", "last"] as const) {
    const own: Sample[] = [
      { kind: "directory", name: "d" },
      { kind: "file", name: "d/new" },
    ];
    const marker: Sample = { kind: "file", name: "d/.wh..wh..opq" };
    const { session } = await merged(context, [
      [
        { kind: "directory", name: "d" },
        { kind: "file", name: "d/old" },
      ],
      order === "first" ? [marker, ...own] : [...own, marker],
    ]);
    await using root = session;
    assert.deepEqual(await names(root, "/d"), ["new"]);
  }
});

test("a whiteout hides lower layers only, whatever its place among the layer's own members", async (context) => {
  const lower: Sample[] = [
    { kind: "directory", name: "d" },
    { kind: "file", name: "d/old" },
    { kind: "file", name: "f", data: "old" },
  ];
  for (const first of [true, false]) {
    const own: Sample[] = [
      { kind: "directory", name: "d" },
      { kind: "file", name: "d/new" },
      { kind: "file", name: "f", data: "new" },
    ];
    const gone: Sample[] = [
      { kind: "file", name: ".wh.d" },
      { kind: "file", name: ".wh.f" },
    ];
    const { session } = await merged(context, [
      lower,
      first ? [...gone, ...own] : [...own, ...gone],
    ]);
    await using root = session;
    assert.deepEqual(await names(root, "/"), ["d", "d/new", "f"]);
    assert.equal((await root.readFile("/f", 10, never)).toString(), "new");
  }
});

test("aufs's own bookkeeping in old layers is left out", async (context) => {
  const { session } = await merged(context, [
    [
      { kind: "directory", name: ".wh..wh.plnk" },
      { kind: "file", name: ".wh..wh.plnk/1.2" },
      { kind: "file", name: ".wh..wh.aufs" },
      { kind: "file", name: "kept" },
    ],
  ]);
  await using root = session;
  assert.deepEqual(await names(root, "/"), ["kept"]);
});

test("a hundred and thirty layers are one root", async (context) => {
  const layers = Array.from({ length: 130 }, (_, index): Sample[] => [
    { kind: "file", name: `f${index}` },
  ]);
  const { session } = await merged(context, layers);
  await using root = session;
  assert.equal((await names(root, "/")).length, 130);
});

test("a hundred layers fit a mount also where the data root's path is long", async (context) => {
  const folder = join(temporaryFolder(context), "long-name-".repeat(10));
  const driver = await openOverlay(folder);
  const layers = Array.from({ length: 100 }, (_, index) =>
    archiveOf([{ kind: "file", name: `f${index}` }]),
  );
  const image = imageOf(layers);
  await driver.unpack(image.request, never);
  const root = await driver.prepare("one", image.top, never);
  assert.ok(JSON.stringify(root).length > 8_192);
  await using session = await enter(root);
  assert.equal((await names(session, "/")).length, 100);
});

test("a root's changes are told as Docker tells them, without mounting it a second time", async (context) => {
  const { session } = await merged(context, [
    [
      { kind: "directory", name: "d", modifiedSeconds: 5 },
      { kind: "file", name: "d/gone" },
      { kind: "file", name: "d/kept" },
      { kind: "file", name: "changed", data: "1" },
      { kind: "directory", name: "swap" },
      { kind: "file", name: "swap/inner" },
    ],
  ]);
  await using root = session;
  await root.extract(
    "/",
    one(
      archiveOf([
        { kind: "file", name: "changed", data: "2" },
        { kind: "directory", name: "new" },
        { kind: "file", name: "new/file" },
      ]),
    ),
    { noOverwriteDirNonDir: false, copyOwner: true },
    never,
  );
  await root.makeDirectory("/d/sub", 0o755, 0, 0, never);
  const changes = await root.changes(never);
  assert.deepEqual(
    changes.map(({ path, kind }) => `${kind} ${path.toString()}`),
    ["modified /changed", "modified /d", "added /d/sub", "added /new", "added /new/file"],
  );
});

test("a root's own layer, unpacked over its parent, makes the same tree again", async (context) => {
  const folder = temporaryFolder(context);
  const driver = await openOverlay(folder);
  const base = archiveOf([
    { kind: "directory", name: "d" },
    { kind: "file", name: "d/gone" },
    { kind: "file", name: "kept", data: "k" },
  ]);
  const image = imageOf([base]);
  await driver.unpack(image.request, never);
  const root = await driver.prepare("one", image.top, never);
  assert.ok(root.kind === "directory");
  changeMounted(folder, root, (place) => {
    rmSync(join(place, "d"), { recursive: true });
    mkdirSync(join(place, "d"));
    writeFileSync(join(place, "d/fresh"), "f");
    rmSync(join(place, "kept"));
  });
  await using session = await enter(root);
  const parts: Buffer[] = [];
  for await (const part of session.layer(never)) parts.push(part);
  const layer = Buffer.concat(parts);
  const found = (await readAll(layer)).map(({ entry }) => entry.name.toString());
  assert.deepEqual(found.toSorted(), [".wh.kept", "d", "d/.wh..wh..opq", "d/fresh"]);
  const rebuilt = imageOf([base, layer]);
  await driver.unpack(rebuilt.request, never);
  await using again = await enter(await driver.prepare("two", rebuilt.top, never));
  assert.deepEqual(await names(again, "/"), ["d", "d/fresh"]);
});

test("a layer keeps folders that were made anew, also where they look like those that they replace", async (context) => {
  const folder = temporaryFolder(context);
  const driver = await openOverlay(folder);
  const image = imageOf([
    archiveOf([
      { kind: "directory", name: "c" },
      { kind: "directory", name: "c/same", modifiedSeconds: 500 },
      { kind: "directory", name: "kept" },
      { kind: "symlink", name: "link", linkName: "c" },
    ]),
  ]);
  await driver.unpack(image.request, never);
  const root = await driver.prepare("one", image.top, never);
  changeMounted(folder, root, (place) => {
    execFileSync("cp", ["-a", join(place, "c/same"), join(place, "was")]);
    for (const name of ["c", "link"]) {
      rmSync(join(place, name), { recursive: true });
      mkdirSync(join(place, name));
      execFileSync("cp", ["-a", join(place, "was"), join(place, name, "same")]);
    }
  });
  await using session = await enter(root);
  const parts: Buffer[] = [];
  for await (const part of session.layer(never)) parts.push(part);
  const found = new Set(
    (await readAll(Buffer.concat(parts))).map(({ entry }) => entry.name.toString()),
  );
  for (const name of ["c/same", "link/same", "was"]) assert.ok(found.has(name), name);
  assert.ok(!found.has("kept"));
});

test("links in lower layers that cannot be followed hinder neither a layer nor a container above (A22)", async (context) => {
  const folder = temporaryFolder(context);
  const driver = await openOverlay(folder);
  const links: readonly Sample[] = [
    { kind: "symlink", name: "loop", linkName: "loop" },
    { kind: "symlink", name: "long", linkName: "x".repeat(300) },
    { kind: "symlink", name: "out", linkName: "/proc/self/root" },
    { kind: "file", name: "file" },
  ];
  const above = ["loop", "long", "out", "file"];
  const image = imageOf([
    archiveOf(links),
    archiveOf(above.map((name) => ({ kind: "file", name: `${name}/deep/er/f` }))),
  ]);
  await driver.unpack(image.request, never);
  await using session = await enter(await driver.prepare("one", image.top, never));
  for (const name of above)
    assert.equal((await session.stat(`/${name}/deep/er/f`, false, never)).size, 0);

  const lower = imageOf([archiveOf(links)]);
  await driver.unpack(lower.request, never);
  const root = await driver.prepare("two", lower.top, never);
  changeMounted(folder, root, (place) => {
    for (const name of above) {
      rmSync(join(place, name));
      mkdirSync(join(place, name, "deep"), { recursive: true });
    }
  });
  await using changed = await enter(root);
  const told = new Set(
    (await changed.changes(never)).map(({ path, kind }) => `${kind} ${path.toString()}`),
  );
  for (const name of above) {
    assert.ok(told.has(`modified /${name}`), name);
    assert.ok(told.has(`added /${name}/deep`), name);
  }
  const parts: Buffer[] = [];
  for await (const part of changed.layer(never)) parts.push(part);
  const found = new Set(
    (await readAll(Buffer.concat(parts))).map(({ entry }) => entry.name.toString()),
  );
  for (const name of above) assert.ok(found.has(`${name}/deep`), name);
});

/** Mounts the root as a runtime would, for as long as `change` works in it. */
function changeMounted(folder: string, root: RootSource, change: (place: string) => void): void {
  const place = join(folder, "m");
  mkdirSync(place);
  assert.ok(root.kind === "directory");
  const options = root.kind === "directory" ? root.mounts[0]!.options.join(",") : "";
  execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, place]);
  try {
    change(place);
  } finally {
    execFileSync("umount", [place]);
  }
}

test("layers of another boot that were never flushed are dropped, and orphans of a crash with them", async (context) => {
  const folder = temporaryFolder(context);
  const first = await openOverlay(folder);
  const image = imageOf([archiveOf([{ kind: "file", name: "f" }])]);
  await first.unpack(image.request, never);
  /* What is copied below must not be written meanwhile. */
  await first.flushed();
  const committed = join(folder, "s/committed");
  const name = readdirSync(committed).find((entry) => !entry.startsWith("."))!;
  const record: unknown = JSON.parse(readFileSync(join(committed, name), "utf8"));
  assert.ok(typeof record === "object");
  const copy = temporaryFolder(context);
  execFileSync("cp", ["-a", join(folder, "s"), copy]);
  writeFileSync(
    join(copy, "s/committed", name),
    JSON.stringify({ ...record, boot: "another", synced: false }),
  );
  mkdirSync(join(copy, "s/l/zz/deep"), { recursive: true });
  mkdirSync(join(copy, "s/w/.tmp-half/upper"), { recursive: true });
  const again = await openOverlay(copy);
  assert.equal(await again.has(image.top), false);
  assert.deepEqual(readdirSync(join(copy, "s/l")), ["0"]);
  assert.deepEqual(readdirSync(join(copy, "s/w")), []);
});

test("folders of the data root are closed to others, so that set-user-id programs are out of reach (A10)", async (context) => {
  const folder = temporaryFolder(context);
  const driver = await openOverlay(folder);
  const image = imageOf([archiveOf([{ kind: "file", name: "su", mode: 0o4755, data: "x" }])]);
  await driver.unpack(image.request, never);
  for (const name of ["", "l", "w", "committed"]) {
    assert.equal(statSync(join(folder, "s", name)).mode & 0o7, 0);
  }
  assert.equal(lstatSync(join(folder, "s/l/1/su")).mode & 0o7777, 0o4755);
  assert.ok(existsSync(join(folder, "s/l/0")));
});

async function* one(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}

test("what was written becomes a layer as it is, without what was only mounted on", async (context) => {
  const folder = temporaryFolder(context);
  const snapshotter = await openOverlay(folder);
  const image = imageOf([
    archiveOf([
      { kind: "directory", name: "etc", mode: 0o755 },
      { kind: "file", name: "etc/gone" },
    ]),
  ]);
  await snapshotter.unpack(image.request, never);
  const [parent] = image.request.chains;
  const root = await snapshotter.prepare("step", parent!, never);
  assert.equal(root.kind, "directory");
  if (root.kind !== "directory") return;
  const upper = root.mounts[0]!.options.find((word) => word.startsWith("upperdir="))!.slice(9);
  mkdirSync(join(upper, "proc"));
  mkdirSync(join(upper, "root/.cache/go"), { recursive: true });
  mkdirSync(join(upper, "etc"));
  writeFileSync(join(upper, "etc/hosts"), "");
  writeFileSync(join(upper, "etc/hostname"), "written\n");
  writeFileSync(join(upper, "made"), "made\n");
  {
    const mounts = root.mounts;
    await using session = await access.open({ kind: "mounts", mounts, readonly: true }, never);
    await session.removeMountPoints(["/root/.cache/go"], never);
  }
  const chain = `sha256:${"5".repeat(64)}` as const;
  const layer = { chain, parent: parent!, size: 5, entries: 1 } as const;
  await snapshotter.adopt?.("step", layer, never);
  assert.deepEqual((await snapshotter.list()).writable, []);
  await using seen = await enter(await snapshotter.prepare("next", chain, never));
  assert.deepEqual(await names(seen, "/"), ["etc", "etc/gone", "etc/hostname", "made"]);
  await assert.rejects(
    snapshotter.prepare("again", null, never).then(() => snapshotter.root("step")),
  );
  await snapshotter.flushed();
});
