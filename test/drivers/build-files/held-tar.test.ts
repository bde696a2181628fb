import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ContextStore, ContextTree } from "../../../src/domain/build/files.ts";
import { createBuildFiles } from "../../../src/drivers/build-files/build-files.ts";
import { openContextStore } from "../../../src/drivers/build-files/context-store.ts";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";
import { listing, take, treeOf } from "./trees.ts";

const files = createBuildFiles({ binary: rootfsBinary });
const fromRoot = { owners: "root" } as const;
const mebibyte = 1 << 20;

async function emptyStore(
  t: TestContext,
): Promise<{ readonly store: ContextStore; readonly directory: string }> {
  const directory = join(temporaryFolder(t), "contexts");
  const options = { directory, binary: rootfsBinary, log: silentLog };
  return { store: await openContextStore(options), directory };
}

function tarBytes(t: TestContext, script: string, ...flags: readonly string[]): Buffer {
  const { folder } = treeOf(t, script);
  return execFileSync("tar", ["-C", folder, ...flags, "-cf", "-", "."], { maxBuffer: 128 << 20 });
}

async function* pieces(tar: Buffer, size = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < tar.length; at += size) yield tar.subarray(at, at + size);
}

function treesIn(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => name !== "boot");
}

async function folderOf(tree: ContextTree): Promise<string> {
  return (await tree.files(never)).mounts[0]!.source;
}

async function filled(
  t: TestContext,
  store: ContextStore,
  script: string,
  ...flags: readonly string[]
): Promise<ContextTree> {
  const tree = await store.open(null, never);
  await tree.fill(pieces(tarBytes(t, script, ...flags)), fromRoot, never);
  return tree;
}

test("a small tar is on disk only once its files are asked for, and then as it would have been at once", async (t) => {
  const { store, directory } = await emptyStore(t);
  const script =
    "mkdir d; echo x > d/a; chmod 640 d/a; ln d/a d/b; ln -s a d/l; mkfifo p; truncate -s 1M hole; echo end >> hole";
  {
    await using tree = await filled(t, store, script, "--sparse");
    const digest = await files.digest(take(tree, "/"), never);
    const text = await files.read(tree, "d/l", 100, never);
    assert.equal(text.toString(), "x\n");
    assert.equal((await files.read(tree, "hole", 2 * mebibyte, never)).length, mebibyte + 4);
    assert.deepEqual(treesIn(directory), []);
    const asked = await Promise.all([folderOf(tree), folderOf(tree), folderOf(tree)]);
    assert.equal(new Set(asked).size, 1);
    assert.equal(treesIn(directory).length, 1);
    assert.deepEqual(
      listing(asked[0]).filter((line) => !line.startsWith("hole")),
      [
        "d drwxr-xr-x 0:0",
        "d/a -rw-r----- 0:0 = x",
        "d/b -rw-r----- 0:0 = x",
        "d/l lrwxrwxrwx 0:0 -> a",
        "p prw-r--r-- 0:0",
      ],
    );
    assert.equal(await files.digest(take(await tree.files(never), "/"), never), digest);
  }
  assert.deepEqual(treesIn(directory), []);
});

test("a change of any byte, mode, name or link counts without a file on disk", async (t) => {
  const { store, directory } = await emptyStore(t);
  const base = "mkdir d; echo one > d/a; echo two > d/b; ln -s a d/l; chmod 644 d/a";
  const changes = [
    "",
    "printf onf > d/a",
    "chmod 600 d/a",
    "chmod 700 d",
    "mv d/b d/c",
    "rm d/b",
    "ln -sfn b d/l",
    "rm d/b; ln d/a d/b",
    "echo two > d/B",
    "mkdir d/e",
  ];
  const digests = new Map<string, string>();
  for (const change of changes) {
    await using tree = await filled(t, store, `${base}; ${change}`);
    digests.set(await files.digest(take(tree, "/"), never), change);
  }
  assert.equal(digests.size, changes.length, [...digests.values()].join("; "));
  await using again = await filled(t, store, base);
  assert.ok(digests.has(await files.digest(take(again, "/"), never)));
  assert.deepEqual(treesIn(directory), []);
});

test("what is removed is gone from the entries, from reading, and from the files", async (t) => {
  const { store } = await emptyStore(t);
  await using tree = await filled(t, store, "mkdir d; touch d/a d/b; echo FROM x > Dockerfile");
  await tree.remove([Buffer.from("Dockerfile"), Buffer.from("./d/a"), Buffer.from("none")], never);
  const names = ["d", "d/b"];
  assert.deepEqual(
    (await tree.entries(never)).map(({ path }) => path.toString()),
    names,
  );
  await assert.rejects(files.read(tree, "Dockerfile", 100, never), (error) =>
    isDuetError(error, "not-found"),
  );
  const found = listing(await folderOf(tree)).map((line) => line.split(" ")[0]);
  assert.deepEqual(found, names);
  // Also of files that are on disk by now.
  await tree.remove([Buffer.from("d/b")], never);
  assert.deepEqual(listing(await folderOf(tree)), ["d drwxr-xr-x 0:0"]);
});

test("a tar that only unpacking understands is unpacked at once, and refused at once where that fails", async (t) => {
  const { store, directory } = await emptyStore(t);
  {
    const { folder } = treeOf(t, "mkdir d; ln -s d l; mkdir other; echo x > other/x");
    const argv = ["-C", folder, "-cf", "-", "--transform", "s,^other/x,l/x,", "d", "l", "other/x"];
    await using tree = await store.open(null, never);
    await tree.fill(pieces(execFileSync("tar", argv)), fromRoot, never);
    assert.equal(treesIn(directory).length, 1);
    assert.ok(existsSync(join(await folderOf(tree), "d/x")));
  }
  const long = "n".repeat(300);
  await using tree = await store.open(null, never);
  const tar = tarBytes(t, "touch a", "--transform", `s,a,${long},`);
  await assert.rejects(tree.fill(pieces(tar), fromRoot, never));
  const damaged = tarBytes(t, "echo x > a");
  damaged.fill(0x41, 512 + 100, 512 + 160);
  await assert.rejects(tree.fill(pieces(damaged), fromRoot, never), (error) =>
    isDuetError(error, "corrupt"),
  );
  assert.deepEqual(await tree.entries(never), []);
});

test("tars that are large, or many together, go to the disk; all of them say the same", async (t) => {
  const { store, directory } = await emptyStore(t);
  const script = (size: number): string =>
    `head -c ${size} /dev/zero | tr '\\0' x > big; echo y > z`;
  await using large = await filled(t, store, script(9 * mebibyte));
  assert.equal(treesIn(directory).length, 1);
  assert.equal(
    (await large.entries(never)).find(({ path }) => path.equals(Buffer.from("big")))?.size,
    9 * mebibyte,
  );
  const tar = tarBytes(t, script(7 * mebibyte));
  const trees: ContextTree[] = [];
  t.after(async () => {
    for (const tree of trees) await tree[Symbol.asyncDispose]();
  });
  const digests = new Set<string>();
  for (let count = 0; count < 10; count += 1) {
    const tree = await store.open(null, never);
    trees.push(tree);
    await tree.fill(pieces(tar, mebibyte), fromRoot, never);
    digests.add(await files.digest(take(tree, "/"), never));
  }
  assert.equal(digests.size, 1);
  assert.equal(treesIn(directory).length, 3, "64 MiB hold eight of them");
  // What was given back holds the next.
  for (const tree of trees.splice(0)) await tree[Symbol.asyncDispose]();
  const next = await store.open(null, never);
  trees.push(next);
  await next.fill(pieces(tar, mebibyte), fromRoot, never);
  assert.equal(treesIn(directory).length, 1);
});

test("a build can be given up while the holes of its context are read", async (t) => {
  const { store } = await emptyStore(t);
  await using tree = await store.open(null, never);
  const controller = new AbortController();
  const filling = tree.fill(
    pieces(tarBytes(t, "truncate -s 4G hole", "--sparse")),
    fromRoot,
    controller.signal,
  );
  for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
  controller.abort(new Error("gone"));
  await assert.rejects(filling, /gone/);
});

test("who gives up while the files are laid down leaves them to the next who asks", async (t) => {
  const { store } = await emptyStore(t);
  await using tree = await filled(
    t,
    store,
    "mkdir d; for i in $(seq 300); do echo $i > d/$i; done",
  );
  const controller = new AbortController();
  const given = tree.files(controller.signal);
  controller.abort(new Error("gone"));
  await assert.rejects(given, /gone/);
  assert.equal(listing(await folderOf(tree)).length, 301);
});

test("what a daemon that was killed has laid down is gone with its next start", async (t) => {
  const { store, directory } = await emptyStore(t);
  await using tree = await filled(t, store, "touch a");
  await tree.files(never);
  assert.equal(treesIn(directory).length, 1);
  await openContextStore({ directory, binary: rootfsBinary, log: silentLog });
  assert.deepEqual(treesIn(directory), []);
});
