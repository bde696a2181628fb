import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import type { RootfsSession } from "../../../src/domain/rootfs.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { archiveOf } from "../../kit/tar/samples.ts";
import { rootfsBinary } from "../../native/rootfs/binary.ts";
import { makePlace, withCode, type Place } from "../layers/outside.ts";

const access = createRootfsAccess({ binary: rootfsBinary, log: silentLog });
const plain = { noOverwriteDirNonDir: false, copyOwner: false };

async function enter(folder: string): Promise<RootfsSession> {
  const mount = { type: "bind", source: folder, target: "", options: ["bind"] } as const;
  return await access.open({ kind: "mounts", mounts: [mount], readonly: false }, never);
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}

async function archived(session: RootfsSession, path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of session.archive(path, never)) parts.push(part);
  return Buffer.concat(parts);
}

/** A tree whose folder `real` and link `evil` change places without end. */
async function swapping(context: TestContext, place: Place): Promise<ChildProcess> {
  const program = join(place.folder, "exchange");
  execFileSync("musl-gcc", [
    "-static",
    "-O2",
    "-D_GNU_SOURCE",
    "-o",
    program,
    join(import.meta.dirname, "exchange.c"),
  ]);
  mkdirSync(join(place.inside, "real"));
  writeFileSync(join(place.inside, "real/canary"), "inside\n");
  symlinkSync(place.outside, join(place.inside, "evil"));
  const child = spawn(program, [join(place.inside, "real"), join(place.inside, "evil")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  await once(child.stdout, "data");
  return child;
}

test("a folder and a link that change places never lead a copy out of the root (D52)", async (context) => {
  const place = makePlace(context);
  const child = await swapping(context, place);
  await using session = await enter(place.inside);
  const files = archiveOf([{ kind: "file", name: "real/planted", data: "x" }]);
  const counts = { read: 0, missed: 0 };
  for (let round = 0; round < 5_000; round += 1) {
    try {
      const content = await session.readFile("/real/canary", 100, never);
      assert.equal(content.toString(), "inside\n");
      counts.read += 1;
    } catch (error) {
      withCode("PATH_NOT_FOUND", "NOT_A_DIRECTORY")(error);
      counts.missed += 1;
    }
  }
  for (let round = 0; round < 4_000; round += 1) {
    await session
      .extract("/", one(files), plain, never)
      .catch(withCode("PATH_NOT_FOUND", "PATH_EXISTS", "NOT_A_DIRECTORY"));
  }
  for (let round = 0; round < 1_000; round += 1) {
    const tar = await archived(session, "/real").catch((error: unknown) => {
      withCode("PATH_NOT_FOUND", "NOT_A_DIRECTORY")(error);
      return Buffer.alloc(0);
    });
    assert.ok(!tar.includes("untouched"));
  }
  assert.ok(counts.read > 0 && counts.missed > 0, JSON.stringify(counts));
  child.kill("SIGKILL");
  await session[Symbol.asyncDispose]();
  place.check();
});

test("the helper is static and loads nothing from the tree (D53, D54)", async (context) => {
  const place = makePlace(context);
  const described = execFileSync("readelf", ["-dl", rootfsBinary], { encoding: "utf8" });
  assert.doesNotMatch(described, /INTERP|NEEDED/);
  for (const name of [
    "lib/x86_64-linux-gnu/libnss_files.so.2",
    "etc/nsswitch.conf",
    "etc/ld.so.preload",
    "usr/bin/unpigz",
    "bin/gzip",
    "bin/tar",
  ]) {
    const path = join(place.inside, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, `#!/bin/sh\necho pwned > ${place.outside}/canary\n`, { mode: 0o755 });
  }
  writeFileSync(join(place.inside, "etc/passwd"), "bob:x:1000:100::/home/bob:/bin/sh\n");
  await using session = await enter(place.inside);
  assert.equal((await session.lookupUser("bob", [], never)).uid, 1000);
  await session.extract(
    "/",
    one(archiveOf([{ kind: "file", name: "f", data: "x" }])),
    plain,
    never,
  );
  assert.ok((await archived(session, "/")).length > 0);
  await session[Symbol.asyncDispose]();
  place.check();
});

test("copying in changes neither the target of a link nor its mode (D56)", async (context) => {
  const place = makePlace(context);
  symlinkSync(join(place.outside, "canary"), join(place.inside, "link"));
  symlinkSync(place.outside, join(place.inside, "folder-link"));
  await using session = await enter(place.inside);
  const tar = archiveOf([
    { kind: "file", name: "link", data: "x", mode: 0o777, uid: 3 },
    { kind: "directory", name: "folder-link", mode: 0o777, uid: 3 },
  ]);
  await session.extract("/", one(tar), plain, never);
  await assert.rejects(
    session.extract(place.outside, one(tar), plain, never),
    withCode("PATH_NOT_FOUND"),
  );
  await session[Symbol.asyncDispose]();
  place.check();
});

test("FIFOs, sockets and devices never block or answer (D56, A29)", async (context) => {
  const place = makePlace(context);
  mkdirSync(join(place.inside, "etc"));
  execFileSync("mkfifo", [join(place.inside, "etc/passwd")]);
  execFileSync("mknod", [join(place.inside, "etc/group"), "c", "1", "5"]);
  const server = createServer().listen(join(place.inside, "socket"));
  context.after(() => server.close());
  await once(server, "listening");
  await using session = await enter(place.inside);
  assert.equal((await session.stat("/etc/passwd", true, never)).size, 0);
  assert.equal((await session.stat("/socket", true, never)).mode & 0o170000, 0o140000);
  await assert.rejects(session.readFile("/etc/passwd", 100, never), withCode("PATH_UNSUITABLE"));
  await assert.rejects(session.readFile("/socket", 100, never), withCode("PATH_UNSUITABLE"));
  await assert.rejects(session.lookupUser("bob", [], never), withCode("PATH_UNSUITABLE"));
  assert.ok((await archived(session, "/")).length > 0);
});

test("user files are read inside the root, and no further than a mebibyte (A29)", async (context) => {
  const place = makePlace(context);
  mkdirSync(join(place.inside, "etc"));
  writeFileSync(join(place.outside, "passwd-host"), "bob:x:0:0::/:/bin/sh\n");
  symlinkSync(join(place.outside, "passwd"), join(place.inside, "etc/passwd"));
  await using session = await enter(place.inside);
  await assert.rejects(session.lookupUser("bob", [], never), withCode("USER_NOT_FOUND"));
  writeFileSync(join(place.inside, "etc/group"), "");
  truncateSync(join(place.inside, "etc/group"), 2 ** 31);
  await assert.rejects(session.lookupUser("0", [], never), withCode("FILE_TOO_LARGE"));
  truncateSync(join(place.inside, "etc/group"), (1 << 20) + 1);
  await assert.rejects(session.lookupUser("0", [], never), withCode("FILE_TOO_LARGE"));
  truncateSync(join(place.inside, "etc/group"), 1 << 20);
  assert.equal((await session.lookupUser("0", [], never)).uid, 0);
});
