import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileTree } from "../../../src/domain/build/files.ts";
import { createBuildFiles } from "../../../src/drivers/build-files/build-files.ts";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { rootfsBinary } from "../../native/rootfs/binary.ts";
import { into, listing, mountsOf, take, treeOf } from "./trees.ts";

const files = createBuildFiles({ binary: rootfsBinary });

test("a file goes into a folder that exists, and elsewhere takes the destination's name", async (t) => {
  const source = treeOf(t, "echo one > a; chown 5:6 a");
  const root = treeOf(t, "mkdir there");
  await files.copy([take(source, "a")], into(root.folder, "/there"), never);
  await files.copy([take(source, "a")], into(root.folder, "/new/name"), never);
  await files.copy([take(source, "a")], into(root.folder, "/folder/"), never);
  assert.deepEqual(listing(root.folder), [
    "folder drwxr-xr-x 0:0",
    "folder/a -rw-r--r-- 5:6 = one",
    "new drwxr-xr-x 0:0",
    "new/name -rw-r--r-- 5:6 = one",
    "there drwxr-xr-x 0:0",
    "there/a -rw-r--r-- 5:6 = one",
  ]);
});

test("of a folder the content is copied; a folder that exists keeps its own owner and mode, those in it do not", async (t) => {
  const source = treeOf(
    t,
    "mkdir -p d/sub; chmod 700 d d/sub; echo x > d/sub/x; ln -s sub/x d/link; mkfifo d/pipe",
  );
  const root = treeOf(
    t,
    "mkdir -p app/sub; chmod 755 app app/sub; chown 7:7 app app/sub; echo old > app/kept",
  );
  await files.copy([take(source, "d")], into(root.folder, "/app"), never);
  assert.deepEqual(listing(root.folder), [
    "app drwxr-xr-x 7:7",
    "app/kept -rw-r--r-- 0:0 = old",
    "app/link lrwxrwxrwx 0:0 -> sub/x",
    "app/pipe prw-r--r-- 0:0",
    "app/sub drwx------ 0:0",
    "app/sub/x -rw-r--r-- 0:0 = x",
  ]);
});

test("owner and mode are given to all that is copied, links keep theirs", async (t) => {
  const source = treeOf(t, "mkdir d; echo x > d/x; ln -s x d/link; chmod 711 d");
  const root = treeOf(t, "true");
  const wanted = { owner: { uid: 10, gid: 20 }, mode: "u=rwX,go=rX" };
  await files.copy([take(source, "d")], into(root.folder, "/deep/app", wanted), never);
  await files.copy(
    [take(source, "d/x")],
    into(root.folder, "/deep/x", { ...wanted, mode: "4755" }),
    never,
  );
  assert.deepEqual(listing(root.folder), [
    "deep drwxr-xr-x 10:20",
    "deep/app drwxr-xr-x 10:20",
    "deep/app/link lrwxrwxrwx 10:20 -> x",
    "deep/app/x -rw-r--r-- 10:20 = x",
    "deep/x -rwsr-xr-x 10:20 = x",
  ]);
});

test("wildcards match one level each, and nothing is no error", async (t) => {
  const source = treeOf(
    t,
    "touch a.txt b.txt c.md; mkdir -p one/in two/in; touch one/in/1.c two/in/2.c two/in/deep.h",
  );
  const root = treeOf(t, "true");
  await files.copy([take(source, "*.txt")], into(root.folder, "/t/"), never);
  await files.copy([take(source, "*/in/?.c")], into(root.folder, "/c/"), never);
  await files.copy([take(source, "no*")], into(root.folder, "/n/"), never);
  assert.deepEqual(
    listing(root.folder).map((line) => line.split(" ")[0]),
    ["c", "c/1.c", "c/2.c", "t", "t/a.txt", "t/b.txt"],
  );
});

test("what is missing is named as Docker names it", async (t) => {
  const source = treeOf(t, "true");
  const root = treeOf(t, "true");
  await assert.rejects(
    files.copy([take(source, "nofile")], into(root.folder, "/x"), never),
    (error) => isDuetError(error, "not-found") && error.message.includes('"/nofile": not found'),
  );
  await assert.rejects(
    files.digest(take(source, "dir/nofile"), never),
    /"\/dir\/nofile": not found/,
  );
  const missing = /lstat \/dir\/deep: no such file or directory/;
  await assert.rejects(files.digest(take(source, "dir/deep/*.c"), never), missing);
});

test("patterns leave out, also whole folders, but for what they take in again", async (t) => {
  const source = treeOf(
    t,
    "mkdir -p d/keep d/logs/deep; touch d/a.log d/b d/keep/x.log d/logs/deep/y d/logs/z; ln d/a.log d/hard",
  );
  const root = treeOf(t, "true");
  const selection = take(source, "d", { exclude: ["*.log", "logs", "!logs/z"] });
  await files.copy([selection], into(root.folder, "/out"), never);
  assert.deepEqual(
    listing(root.folder).map((line) => line.split(" ")[0]),
    ["out", "out/b", "out/hard", "out/keep", "out/keep/x.log", "out/logs", "out/logs/z"],
  );
});

test("with parents the folders above come along, from the pivot on", async (t) => {
  const source = treeOf(t, "mkdir -p a/b/c; chmod 700 a/b; touch a/b/c/x.c a/b/c/y.h a/other.c");
  const root = treeOf(t, "mkdir dest");
  await files.copy(
    [take(source, "a/b/*/*.c", { parents: true })],
    into(root.folder, "/dest/"),
    never,
  );
  await files.copy(
    [take(source, "a/./b/c/y.h", { parents: true })],
    into(root.folder, "/pivot/"),
    never,
  );
  assert.deepEqual(
    listing(root.folder).map((line) => line.split(" ").slice(0, 2).join(" ")),
    [
      "dest drwxr-xr-x",
      "dest/a drwxr-xr-x",
      "dest/a/b drwx------",
      "dest/a/b/c drwxr-xr-x",
      "dest/a/b/c/x.c -rw-r--r--",
      "pivot drwxr-xr-x",
      "pivot/b drwx------",
      "pivot/b/c drwxr-xr-x",
      "pivot/b/c/y.h -rw-r--r--",
    ],
  );
});

test("hard links, attributes and holes come through", async (t) => {
  const source = treeOf(
    t,
    `mkdir d; echo x > d/a; ln d/a d/b; truncate -s 3M d/hole; printf end >> d/hole
    python3 -c 'import os; os.setxattr("d/a", "user.k", bytes([0,255]))'`,
  );
  const root = treeOf(t, "true");
  await files.copy([take(source, "d")], into(root.folder, "/e"), never);
  const [one, other] = ["a", "b"].map((name) => statSync(join(root.folder, "e", name)));
  assert.equal(one!.ino, other!.ino);
  const hole = statSync(join(root.folder, "e/hole"));
  assert.ok(hole.blocks * 512 < 1 << 20, `${hole.blocks} blocks`);
  assert.ok(
    readFileSync(join(root.folder, "e/hole")).equals(readFileSync(join(source.folder, "d/hole"))),
  );
  const value = execFileSync(
    "python3",
    ["-c", 'import os,sys; print(os.getxattr(sys.argv[1],"user.k"))', join(root.folder, "e/a")],
    { encoding: "utf8" },
  );
  assert.equal(value.trim(), String.raw`b'\x00\xff'`);
});

test("links lead nowhere outside, in the source as in the destination (A2, C43)", async (t) => {
  const source = treeOf(
    t,
    "ln -s /etc/shadow stolen; ln -s ../../../../etc up; mkdir d; echo mine > d/x; ln -s /d inside",
  );
  const root = treeOf(
    t,
    "ln -s ../../../../../tmp out; mkdir real; ln -s /real alias; ln -s / all",
  );
  await assert.rejects(
    files.copy([take(source, "stolen")], into(root.folder, "/s"), never),
    /not found/,
  );
  await assert.rejects(
    files.copy([take(source, "up/passwd")], into(root.folder, "/s"), never),
    /not found/,
  );
  await files.copy([take(source, "inside")], into(root.folder, "/alias"), never);
  await files.copy([take(source, "d")], into(root.folder, "/out/d"), never);
  assert.deepEqual(listing(root.folder), [
    "alias lrwxrwxrwx 0:0 -> /real",
    "all lrwxrwxrwx 0:0 -> /",
    "out lrwxrwxrwx 0:0 -> ../../../../../tmp",
    "real drwxr-xr-x 0:0",
    "real/x -rw-r--r-- 0:0 = mine",
    "tmp drwxr-xr-x 0:0",
    "tmp/d drwxr-xr-x 0:0",
    "tmp/d/x -rw-r--r-- 0:0 = mine",
  ]);
});

test("a folder takes the place of no link or file, nor a file that of a folder", async (t) => {
  const source = treeOf(t, "mkdir -p d/sub f; touch d/sub/x f/sub");
  const root = treeOf(
    t,
    "mkdir app real other; mkdir other/sub; ln -s ../real app/sub; touch file",
  );
  const refuses = (path: string, to: string): Promise<void> =>
    assert.rejects(files.copy([take(source, path)], into(root.folder, to), never), (error) =>
      isDuetError(error, "invalid"),
    );
  await refuses("d", "/app");
  await refuses("d", "/file");
  await refuses("f", "/other");
  assert.ok(lstatSync(join(root.folder, "app/sub")).isSymbolicLink());
});

test("archives are unpacked by their bytes, whatever they are called", async (t) => {
  const source = treeOf(
    t,
    `mkdir in; echo x > in/x; chown 8:9 in/x
    tar cf plain in; tar czf zip.bin in; tar cJf odd.xz in; tar cjf old in; tar cf - in | zstd -q > new
    echo no archive > real.tar; gzip -c real.tar > only.gz; : > empty`,
  );
  const root = treeOf(t, "true");
  for (const name of ["plain", "zip.bin", "odd.xz", "old", "new"]) {
    await files.copy([take(source, name, { unpack: true })], into(root.folder, `/${name}`), never);
    const found = listing(join(root.folder, name));
    assert.deepEqual(found, ["in drwxr-xr-x 0:0", "in/x -rw-r--r-- 8:9 = x"], name);
  }
  for (const name of ["real.tar", "only.gz", "empty"]) {
    await files.copy([take(source, name, { unpack: true })], into(root.folder, `/raw/`), never);
    assert.ok(
      readFileSync(join(root.folder, "raw", name)).equals(readFileSync(join(source.folder, name))),
      name,
    );
  }
});

test("of an archive's attributes capabilities alone come through", async (t) => {
  const source = treeOf(
    t,
    `mkdir in; echo x > in/x
    python3 -c '
import os
os.setxattr("in/x", "user.k", b"v")
os.setxattr("in/x", "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))
os.setxattr("in", "user.k", b"v")'
    tar --xattrs --xattrs-include="*" -cf in.tar in`,
  );
  const root = treeOf(t, "true");
  const archive = take(source, "in.tar", { unpack: true });
  await files.copy([archive], into(root.folder, "/e"), never);
  const names = ["in", "in/x"].map((name) => join(root.folder, "e", name));
  const list = "import os,sys; print([os.listxattr(path) for path in sys.argv[1:]])";
  const found = execFileSync("python3", ["-c", list, ...names], { encoding: "utf8" });
  assert.equal(found.trim(), "[[], ['security.capability']]");
});

test("a digest tells content, names, modes and links apart, and no times", async (t) => {
  const script = "mkdir d; echo x > d/a; ln -s a d/l; touch -d @1 d/a d";
  const digest = async (text: string): Promise<string> =>
    await files.digest(take(treeOf(t, text), "d"), never);
  const first = await digest(script);
  assert.equal(await digest(`${script}; touch d/a d`), first);
  const others = [
    "chmod 600 d/a",
    "chown 1 d/a",
    "echo y > d/a",
    "mv d/a d/b",
    "ln -sfn b d/l",
    "touch d/new",
    "chmod 700 d",
  ];
  const digests = new Set([first]);
  for (const change of others) digests.add(await digest(`${script}; ${change}`));
  // What a folder is itself does not come with its content; where it is mounted, it is seen.
  assert.equal(digests.size, others.length);
  const seen = async (text: string): Promise<string> =>
    await files.digest({ ...take(treeOf(t, text), "d"), mounted: true }, never);
  const [plain, changed] = [await seen(script), await seen(`${script}; chmod 700 d`)];
  assert.notEqual(changed, plain);
  // Where digests are remembered, neither is taken for the other.
  const tree = { ...treeOf(t, script), identity: "a tree of layers" };
  const taken = take(tree, "d");
  assert.equal(await files.digest(taken, never), first);
  assert.equal(await files.digest({ ...taken, mounted: true }, never), plain);
});

test("what is mounted is named by a path, not by a pattern", async (t) => {
  const script = "mkdir '[a]' a; echo one > '[a]/x'; echo one > a/x";
  const digest = async (more: string, path: string): Promise<string> =>
    await files.digest({ ...take(treeOf(t, script + more), path), mounted: true }, never);
  const first = await digest("", "[a]");
  assert.equal(await digest("; echo two > a/x", "[a]"), first);
  assert.notEqual(await digest("; echo two > '[a]/x'", "[a]"), first);
  await assert.rejects(digest("", "a*"), { code: "SOURCE_NOT_FOUND" });
});

test("files given as content are written with their mode, or unpacked", async (t) => {
  const root = treeOf(t, "mkdir app");
  const archive = execFileSync("sh", [
    "-c",
    "cd $(mktemp -d) && echo in > x && tar cf - x && rm x && rmdir $PWD",
  ]);
  const content = (bytes: Buffer | string) =>
    async function* () {
      yield Buffer.from(bytes);
    };
  const file = { size: 5, mode: 0o644, modifiedAt: 5_000, unpack: false };
  await files.write(
    [{ ...file, name: "a", content: content("hello") }],
    into(root.folder, "/app"),
    never,
  );
  await files.write(
    [{ ...file, name: "a", content: content("hello") }],
    into(root.folder, "/b", { mode: "0600" }),
    never,
  );
  await files.write(
    [{ ...file, name: "t", size: archive.length, content: content(archive), unpack: true }],
    into(root.folder, "/c"),
    never,
  );
  assert.deepEqual(listing(root.folder), [
    "app drwxr-xr-x 0:0",
    "app/a -rw-r--r-- 0:0 = hello",
    "b -rw------- 0:0 = hello",
    "c drwxr-xr-x 0:0",
    "c/x -rw-r--r-- 0:0 = in",
  ]);
  assert.equal(statSync(join(root.folder, "b")).mtimeMs, 5_000);
});

test("folders are made along links, and a file in the way is refused", async (t) => {
  const root = treeOf(t, "mkdir real; ln -s real alias; touch file");
  const owner = { uid: 4, gid: 5 };
  const mounts = mountsOf(root.folder);
  assert.equal(await files.makeFolder(mounts, "/alias/x/y", owner, null, never), true);
  assert.equal(await files.makeFolder(mounts, "/alias/x/y", owner, null, never), false);
  assert.equal(statSync(join(root.folder, "real/x/y")).uid, 4);
  await assert.rejects(files.makeFolder(mounts, "/file/x", owner, null, never), (error) =>
    isDuetError(error, "invalid"),
  );
});

test("small files are read with links followed inside, up to the limit", async (t) => {
  const tree = treeOf(
    t,
    "mkdir d; echo FROM > d/Dockerfile; ln -s d/Dockerfile .; ln -s /etc/hostname out",
  );
  assert.equal((await files.read(tree, "Dockerfile", 100, never)).toString(), "FROM\n");
  await assert.rejects(files.read(tree, "d/Dockerfile", 2, never), (error) =>
    isDuetError(error, "too-large"),
  );
  await assert.rejects(files.read(tree, "out", 100, never), (error) =>
    isDuetError(error, "not-found"),
  );
  const folder = join(tree.folder, "self");
  mkdirSync(folder);
  symlinkSync("loop", join(folder, "loop"));
  writeFileSync(join(folder, "x"), "");
  await assert.rejects(files.read(tree, "self/loop", 100, never), (error) =>
    isDuetError(error, "denied"),
  );
});

test("of many digests that are asked for at once only some read files at a time", async () => {
  let [reading, most] = [0, 0];
  const tree = {
    entries: () => [],
    files: async () => {
      reading += 1;
      most = Math.max(most, reading);
      await readFile("/dev/null");
      reading -= 1;
      return { mounts: [], identity: null };
    },
  };
  const selection = take(tree as unknown as FileTree, "a");
  const asked = Array.from({ length: 2_000 }, () => files.digest(selection, never));
  for (const one of await Promise.allSettled(asked)) assert.equal(one.status, "rejected");
  assert.ok(most <= Math.max(8, 2 * availableParallelism()), `${most} at once`);
});
