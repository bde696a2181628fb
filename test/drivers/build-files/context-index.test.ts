import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { ContextIndex } from "../../../src/drivers/build-files/context-index.ts";
import { createBuildFiles } from "../../../src/drivers/build-files/build-files.ts";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";
import { take, treeOf } from "./trees.ts";

import { bytes, contextsIn, entry, named, storeIn, tarOf } from "./contexts.ts";
const files = createBuildFiles({ binary: rootfsBinary });
const fromRoot = { owners: "root" } as const;

test("what is removed from the index goes with all below it, whatever was put and removed before", () => {
  const paths = fc.array(fc.constantFrom("a", "b", "a."), { minLength: 1, maxLength: 4 });
  const change = fc.record({ path: paths, kind: fc.constantFrom("folder", "file", "gone") });
  const property = fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
    const index = new ContextIndex();
    const expected = new Set<string>();
    for (const { path, kind } of changes) {
      const name = path.join("/");
      const parents = path.map((_, at) => path.slice(0, at).join("/")).slice(1);
      const remove = (): void => {
        index.remove(Buffer.from(name));
        for (const each of expected) {
          if (each === name || each.startsWith(`${name}/`)) expected.delete(each);
        }
      };
      if (kind !== "folder") remove();
      if (kind === "gone" || parents.some((each) => index.get(Buffer.from(each))?.mode === 0o644))
        continue;
      const mode = kind === "file" ? 0o644 : constants.S_IFDIR | 0o755;
      index.put({ ...entry(name, mode), digest: null });
      for (const each of [...parents, name]) expected.add(each);
    }
    const found = index.entries().map(({ path }) => path.toString());
    assert.deepEqual(found.toSorted(), [...expected].toSorted());
  });
  fc.assert(property, { numRuns: 300 });
});

test("digests by the index are those that reading gives", async (t) => {
  const store = await storeIn(join(temporaryFolder(t), "contexts"));
  await using context = await store.open(null, never);
  const script =
    "mkdir d; echo x > d/a; ln d/a d/b; ln -s a d/l; truncate -s 1M d/hole; printf end >> d/hole; head -c 600000 /dev/zero > d/big; : > d/empty";
  await context.fill(tarOf(t, script), fromRoot, never);
  const indexed = await files.digest(take(context, "d"), never);
  assert.equal(await files.digest(take(await context.files(never), "d"), never), indexed);
  assert.equal(await files.digest(take(treeOf(t, script), "d"), never), indexed);
});

test("the index tells of wildcards, links, left out files, names and the root as the tree does", async (t) => {
  const store = await storeIn(join(temporaryFolder(t), "contexts"));
  await using context = await store.open(null, never);
  const script =
    "chmod 750 .; mkdir -p a/b a/c; echo 1 > a/b/x; ln a/b/x a/c/y; ln a/b/x z; ln -s b a/link; echo 2 > a/c/k.txt; echo 3 > a.txt; chmod 4711 a.txt";
  await context.fill(tarOf(t, script), fromRoot, never);
  const selections = [
    take(context, "/"),
    take(context, "*"),
    take(context, "a/*/x"),
    take(context, "a/link"),
    take(context, "a/link/x"),
    take(context, "a", { exclude: ["**/*.txt", "b"] }),
    take(context, "a/./c/k.txt", { parents: true }),
    take(context, "a/link/x", { parents: true }),
  ];
  for (const selection of selections) {
    const read = await files.digest({ ...selection, files: await context.files(never) }, never);
    assert.equal(await files.digest(selection, never), read, JSON.stringify(selection.path));
  }
  await assert.rejects(
    files.digest(take(context, "a/none"), never),
    (error) => isDuetError(error, "not-found") && error.code === "SOURCE_NOT_FOUND",
  );
});

test("what comes by way of a link counts with its content", async (t) => {
  const store = await storeIn(join(temporaryFolder(t), "contexts"));
  const digests: string[] = [];
  for (const content of ["one", "two"]) {
    await using context = await store.open(null, never);
    const { folder } = treeOf(t, `mkdir d; ln -s d l; mkdir other; echo ${content} > other/x`);
    const argv = ["-C", folder, "-cf", "-", "--transform", "s,^other/x,l/x,", "d", "l", "other/x"];
    const tar = execFileSync("tar", argv);
    const source = (async function* () {
      yield tar;
    })();
    await context.fill(source, fromRoot, never);
    digests.push(await files.digest(take(context, "d"), never));
  }
  assert.notEqual(digests[0], digests[1]);
});

const twoNames = `
import sys, tarfile
with tarfile.open(mode="w|", fileobj=sys.stdout.buffer) as tar:
    first = tarfile.TarInfo("first")
    first.mode = int(sys.argv[1], 8)
    second = tarfile.TarInfo("second")
    second.mode, second.type, second.linkname = 0o777, tarfile.LNKTYPE, "first"
    tar.addfile(first)
    tar.addfile(second)
`;

test("a further name of a file counts with the mode that the file has, not with what the archive says of it", async (t) => {
  const store = await storeIn(join(temporaryFolder(t), "contexts"));
  const digests: string[] = [];
  for (const mode of ["600", "644"]) {
    await using context = await store.open(null, never);
    const tar = execFileSync("python3", ["-c", twoNames, mode]);
    await context.fill(bytes(tar), fromRoot, never);
    digests.push(await files.digest(take(context, "second"), never));
    assert.equal(
      await files.digest(take(await context.files(never), "second"), never),
      digests.at(-1),
    );
  }
  assert.notEqual(digests[0], digests[1]);
});

test("a change that changes nothing leaves the index as it is", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  await using context = await store.open(named("key"), never);
  await context.fill(tarOf(t, "touch a"), fromRoot, never);
  const [name] = contextsIn(directory);
  const before = statSync(join(directory, name!, "index"));
  {
    await using change = await context.change(never);
    await change.commit(null);
  }
  assert.equal(statSync(join(directory, name!, "index")).ino, before.ino);
  assert.equal((await context.entries(never)).length, 1);
});

test("a damaged index empties the tree instead of being believed", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  {
    await using context = await store.open(named("key"), never);
    await context.fill(tarOf(t, "touch a"), fromRoot, never);
  }
  const [name] = contextsIn(directory);
  for (const damage of ['["a",1]\n', "{", '["a",33188,0,0,0,"1","",[],"sha256:zz"]\n']) {
    writeFileSync(join(directory, name!, "index"), damage);
    await using context = await store.open(named("key"), never);
    assert.deepEqual(await context.entries(never), []);
  }
  rmSync(directory, { recursive: true });
});

test("an index in memory is believed only as long as its file is the one that was written", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory);
  const names = async (): Promise<readonly string[]> => {
    await using context = await store.open(named("key"), never);
    return (await context.entries(never)).map(({ path }) => path.toString());
  };
  const put = async (name: string, isKept: boolean): Promise<void> => {
    await using context = await store.open(named("key"), never);
    await using change = await context.change(never);
    await change.putFile(entry(name, 0o100640, { size: 5 }), bytes("hello"));
    if (isKept) await change.commit(null);
  };
  await put("a", true);
  assert.deepEqual(await names(), ["a"]);
  await put("b", true);
  assert.deepEqual(await names(), ["a", "b"]);
  await put("c", false);
  assert.deepEqual(await names(), []);
  await put("d", true);
  await store.remove("key", never);
  assert.deepEqual(await names(), []);
  await put("e", true);
  const [folder] = contextsIn(directory);
  rmSync(join(directory, folder!, "index"));
  assert.deepEqual(await names(), []);
});

test("an index that is too large for memory is read when it is asked for, and refused where it is damaged", async (t) => {
  const directory = join(temporaryFolder(t), "contexts");
  const store = await storeIn(directory, {}, { heldEntries: 1_000 });
  const list = `sha256:${"1".repeat(64)}` as const;
  {
    await using context = await store.open(named("key"), never);
    await using change = await context.change(never);
    for (let number = 0; number <= 1_000; number += 1) {
      await change.put(entry(`folder-${number}`, 0o040755));
    }
    await change.commit(list);
  }
  const [name] = contextsIn(directory);
  {
    await using context = await store.open(named("key"), never);
    assert.equal(context.list, list);
    assert.equal((await context.entries(never)).length, 1_001);
  }
  {
    await using context = await store.open(named("key"), never);
    writeFileSync(join(directory, name!, "index"), "{");
    await assert.rejects(context.entries(never), { code: "CONTEXT_CORRUPT" });
  }
  await using context = await store.open(named("key"), never);
  assert.deepEqual([context.list, await context.entries(never)], [null, []]);
});
