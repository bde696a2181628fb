import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { temporaryFolder } from "../../native/rootfs/binary.ts";
import { listing } from "./trees.ts";

import { bytes, contextsIn, entry, folderOf, named, storeIn, tarOf } from "./contexts.ts";
const fromRoot = { owners: "root" } as const;

test("a context that cannot be noted as kept is none for the next build, which keeps its own", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  const use = async (spoil: (folder: string) => void): Promise<void> => {
    await using context = await store.open(named("me:."), never);
    await using change = await context.change(never);
    await change.putFile(entry("x", 0o100640, { size: 5 }), bytes("hello"));
    await change.commit(null);
    spoil(join(await folderOf(context), ".."));
  };
  await use((folder) => mkdirSync(join(folder, "kept")));
  assert.deepEqual(contextsIn(directory), []);
  assert.deepEqual(store.list(), []);
  await use(() => undefined);
  const [kept, ...others] = store.list();
  assert.deepEqual([kept?.key, kept?.useCount, others], ["me:.", 1, []]);
});

test("a key's files are found again, by another start, too", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  {
    await using context = await store.open(named("me:."), never);
    await using change = await context.change(never);
    await change.put(entry("d", 0o40755));
    await change.putFile(entry("d/x", 0o100640, { size: 5 }), bytes("hello"));
    await change.put(entry("d/y", 0o100640, { link: Buffer.from("d/x") }));
    await change.put(entry("l", 0o120777, { link: Buffer.from("d/x") }));
    await change.commit(null);
  }
  await using again = await (await storeIn(directory)).open(named("me:."), never);
  assert.deepEqual(
    (await again.entries(never)).map(({ path, size, modifiedAt }) => [
      path.toString(),
      size,
      modifiedAt,
    ]),
    [
      ["d", 0, 1_000_000_001n],
      ["d/x", 5, 1_000_000_001n],
      ["d/y", 5, 1_000_000_001n],
      ["l", 0, 1_000_000_001n],
    ],
  );
  assert.deepEqual(listing(await folderOf(again)), [
    "d drwxr-xr-x 0:0",
    "d/x -rw-r----- 0:0 = hello",
    "d/y -rw-r----- 0:0 = hello",
    "l lrwxrwxrwx 0:0 -> d/x",
  ]);
});

test("files of another boot, which may never have reached the disk, are not believed", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  {
    await using context = await (await storeIn(directory)).open(named("me:."), never);
    await using change = await context.change(never);
    await change.putFile(entry("x", 0o100640, { size: 5 }), bytes("hello"));
    await change.commit(null);
  }
  writeFileSync(join(directory, "boot"), "another");
  const later = await storeIn(directory);
  assert.deepEqual(later.list(), []);
  await using again = await later.open(named("me:."), never);
  assert.deepEqual(await again.entries(never), []);
  assert.notEqual(readFileSync(join(directory, "boot"), "utf8"), "another");
});

test("a change that is not committed leaves nothing of the tree, a removal takes all below with it", async (t) => {
  const store = await storeIn(join(temporaryFolder(t), "contexts"));
  await using context = await store.open(named("key"), never);
  await context.fill(tarOf(t, "mkdir -p a/b; touch a/b/c d"), fromRoot, never);
  {
    await using change = await context.change(never);
    await change.remove(Buffer.from("a"));
    await change.commit(null);
  }
  assert.deepEqual(
    (await context.entries(never)).map(({ path }) => path.toString()),
    ["d"],
  );
  {
    await using change = await context.change(never);
    await change.put(entry("half", 0o40755));
  }
  assert.deepEqual(await context.entries(never), []);
  assert.deepEqual(listing(await folderOf(context)), []);
});

test("a crash in the middle of a change empties the tree at its next use", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  const context = await store.open(named("key"), never);
  await context.fill(tarOf(t, "touch a b"), fromRoot, never);
  const change = await context.change(never);
  await change.put(entry("half", 0o40755));
  // A daemon that dies here has done no more than this.
  await using after = await (await storeIn(directory)).open(named("key"), never);
  assert.deepEqual(await after.entries(never), []);
  assert.deepEqual(listing(await folderOf(after)), []);
  await change[Symbol.asyncDispose]();
  await context[Symbol.asyncDispose]();
});

test("a key in use is given to a second build as a tree of its own, which goes with it", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  await using first = await store.open(named("key"), never);
  await first.fill(tarOf(t, "touch a"), fromRoot, never);
  {
    await using second = await store.open(named("key"), never);
    await using third = await store.open(null, never);
    await second.fill(tarOf(t, "touch b"), fromRoot, never);
    assert.deepEqual(await third.entries(never), []);
    assert.deepEqual(
      (await first.entries(never)).map(({ path }) => path.toString()),
      ["a"],
    );
  }
  assert.equal(contextsIn(directory).length, 1);
  await store.remove("key", never);
  assert.equal(contextsIn(directory).length, 1, "it is in use");
});

test("what a client sends is listed with its size and uses, by another start, too, and goes when it is removed", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  for (const text of ["123", "4567"]) {
    await using context = await store.open(named("key"), never);
    await context.fill(tarOf(t, `echo ${text} > a`), fromRoot, never);
  }
  const later = await storeIn(directory);
  assert.deepEqual(later.list(), store.list());
  const [{ createdAt, usedAt, ...found } = { createdAt: 0, usedAt: 0 }] = later.list();
  assert.ok(createdAt > 0 && usedAt >= createdAt);
  assert.deepEqual(found, { ...named("key"), size: 5, useCount: 2, isUsed: false });
  {
    await using used = await later.open(named("key"), never);
    assert.equal((await used.entries(never)).length, 1);
    assert.equal(later.list()[0]?.isUsed, true);
  }
  await later.remove("key", never);
  assert.deepEqual(later.list(), []);
  assert.deepEqual(contextsIn(directory), []);
});

test("a context whose change was broken off leaves nothing behind", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  {
    await using context = await store.open(named("key"), never);
    await using change = await context.change(never);
    await change.putFile(entry("x", 0o100640, { size: 5 }), bytes("hello"));
  }
  assert.deepEqual(store.list(), []);
  assert.deepEqual(contextsIn(directory), []);
});

test("a tar's owners become root's, or stay where that is asked for; devices are left out", async (t) => {
  const store = await storeIn(join(temporaryFolder(t), "contexts"));
  await using context = await store.open(null, never);
  const script = "echo x > a; chown 5:6 a; ln a b; mknod dev c 1 3; ln -s a l";
  await context.fill(tarOf(t, script), fromRoot, never);
  assert.deepEqual(listing(await folderOf(context)), [
    "a -rw-r--r-- 0:0 = x",
    "b -rw-r--r-- 0:0 = x",
    "l lrwxrwxrwx 0:0 -> a",
  ]);
  await context.fill(tarOf(t, script), { owners: "archive" }, never);
  assert.deepEqual(listing(await folderOf(context))[0], "a -rw-r--r-- 5:6 = x");
});

test("evil entries are refused: escapes, devices, wrong sizes, links to what was not sent (C43)", async (t) => {
  const outside = temporaryFolder(t);
  const store = await storeIn(join(temporaryFolder(t), "contexts"), {
    entries: 20,
    totalSize: 1_000,
  });
  await using context = await store.open(null, never);
  const refuses = async (
    work: (change: Awaited<ReturnType<typeof context.change>>) => Promise<void>,
  ): Promise<void> => {
    await using change = await context.change(never);
    await assert.rejects(
      async () => {
        await work(change);
        await change.commit(null);
      },
      (error) => isDuetError(error),
    );
  };
  await refuses((change) => change.put(entry("../../x", 0o40755)));
  await refuses((change) => change.put(entry("dev", 0o20644)));
  await refuses((change) => change.putFile(entry("x", 0o100644, { size: 3 }), bytes("long")));
  await refuses((change) => change.putFile(entry("x", 0o100644, { size: 9 }), bytes("short")));
  await refuses((change) => change.put(entry("x", 0o100644, { link: Buffer.from("/etc/shadow") })));
  await refuses((change) => change.putFile(entry("x", 0o100644, { size: 1_001 }), bytes("x")));
  await refuses(async (change) => {
    for (let index = 0; index < 30; index += 1) await change.put(entry(`d${index}`, 0o40755));
  });
  await refuses((change) => change.remove(Buffer.from("a/..")));
  await refuses(async (change) => {
    await change.put(entry("out", 0o120777, { link: Buffer.from(outside) }));
    await change.putFile(entry("out/x", 0o100644, { size: 1 }), bytes("x"));
  });
  assert.deepEqual(readdirSync(outside), []);
});
