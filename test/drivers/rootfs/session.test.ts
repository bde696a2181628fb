import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createRootfsAccess } from "../../../src/drivers/rootfs/access.ts";
import type { RootfsSession } from "../../../src/domain/rootfs.ts";
import { canceled, never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { archiveOf, readAll } from "../../kit/tar/samples.ts";
import {
  builtNative,
  mountsBelow,
  rootfsBinary,
  temporaryFolder,
} from "../../native/rootfs/binary.ts";

const shipped = createRootfsAccess({ binary: rootfsBinary, log: silentLog });

async function enter(folder: string, access = shipped, readonly = false): Promise<RootfsSession> {
  const mount = { type: "bind", source: folder, target: "", options: ["bind"] } as const;
  return await access.open({ kind: "mounts", mounts: [mount], readonly }, never);
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}

const plain = { noOverwriteDirNonDir: false, copyOwner: true };

/** Bits of what is neither file nor folder are set again after its owner by a call of Linux 6.6. */
const [major = 0, minor = 0] = release().split(".").map(Number);
const setsSpecialBits = major > 6 || (major === 6 && minor >= 6);

/** One of everything that a tree can hold. */
function makeTree(folder: string): void {
  execFileSync(
    "sh",
    [
      "-c",
      `
    mkdir -p d/sub && cd d && echo hi > a && ln a hard && ln -s /d/a sym && mkfifo fifo && mknod dev b 7 9
    truncate -s 5M sparse && printf data | dd of=sparse bs=1 seek=3000000 conv=notrunc status=none
    ln -P sym symhard && chown 5:6 fifo dev
    chown 12:34 a && chmod 4751 a && chmod 2770 sub && : > "$(printf 'n\\377')"
    head -c 700000 /dev/urandom > big
    touch -d '2011-12-13T14:15:16.171819Z' a sub
  `,
    ],
    { cwd: folder },
  );
  const script = `import os,sys
os.chdir(sys.argv[1])
os.setxattr("d/a", "user.bin", bytes([0, 255, 61, 10]))
os.setxattr("d/big", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))`;
  execFileSync("python3", ["-c", script, folder]);
}

function manifest(folder: string): string {
  const script = `import os,sys,hashlib
os.chdir(sys.argv[1])
seen = {}
for top, dirs, files in os.walk(b"."):
    for name in sorted(dirs + files):
        p = os.path.join(top, name); s = os.lstat(p)
        first = seen.setdefault(s.st_ino, p) if s.st_nlink > 1 and name in files else b""
        h = hashlib.sha256(open(p, "rb").read()).hexdigest() if os.path.isfile(p) and not os.path.islink(p) else ""
        t = os.readlink(p) if os.path.islink(p) else b""
        x = [(a, os.getxattr(p, a, follow_symlinks=False)) for a in sorted(os.listxattr(p, follow_symlinks=False))]
        print(p, oct(s.st_mode), s.st_uid, s.st_gid, s.st_rdev, s.st_mtime_ns, s.st_size if name in files else 0, first, h, t, x)`;
  return execFileSync("python3", ["-c", script, folder], { encoding: "utf8" })
    .split("\n")
    .toSorted()
    .join("\n");
}

for (const [name, binary] of [
  ["as it ships", () => rootfsBinary],
  ["under the sanitizers", () => builtNative("asan/duet-rootfs")],
] as const) {
  test(`a tree copied out and in is the same in everything, the helper ${name}`, async (context) => {
    const folder = temporaryFolder(context);
    const access = createRootfsAccess({ binary: binary(), log: silentLog });
    mkdirSync(join(folder, "from"));
    mkdirSync(join(folder, "to"));
    makeTree(join(folder, "from"));
    const more = `ln fifo fifohard && ln dev devhard${setsSpecialBits ? " && chmod 6751 fifo dev" : ""}`;
    execFileSync("sh", ["-c", more], { cwd: join(folder, "from/d") });
    await using source = await enter(join(folder, "from"), access);
    await using target = await enter(join(folder, "to"), access);
    await target.extract("/", source.archive("/.", never), plain, never);
    assert.equal(manifest(join(folder, "to")), manifest(join(folder, "from")));
    const sparse = statSync(join(folder, "from/d/sparse"));
    assert.ok(sparse.blocks * 512 < sparse.size);
    assert.equal(mountsBelow(folder), "");
  });
}

test("GNU tar unpacks an archive to the same tree, and its archive comes in the same", async (context) => {
  const folder = temporaryFolder(context);
  for (const part of ["from", "gnu", "ours"]) mkdirSync(join(folder, part));
  makeTree(join(folder, "from"));
  await using source = await enter(join(folder, "from"));
  writeFileSync(join(folder, "t.tar"), await collect(source.archive("/.", never)));
  execFileSync("tar", ["-xpf", "../t.tar", "--xattrs", "--xattrs-include=*", "--numeric-owner"], {
    cwd: join(folder, "gnu"),
  });
  assert.equal(manifest(join(folder, "gnu")), manifest(join(folder, "from")));
  const options = ["--format=pax", "--xattrs", "--xattrs-include=*", "--sparse"];
  execFileSync("tar", [...options, "-cf", "../g.tar", "."], { cwd: join(folder, "from") });
  await using target = await enter(join(folder, "ours"));
  await target.extract("/", one(readFileSync(join(folder, "g.tar"))), plain, never);
  assert.equal(manifest(join(folder, "ours")), manifest(join(folder, "from")));
});

test("names in an archive are Docker's: the base name, `.` for a content, a slash for the root", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "d"));
  writeFileSync(join(folder, "d/f"), "x");
  symlinkSync("d", join(folder, "link"));
  await using session = await enter(folder);
  const names = async (path: string): Promise<string[]> => {
    const seen = await readAll(await collect(session.archive(path, never)));
    return seen.map(({ entry }) => `${entry.kind[0]}:${entry.name.toString()}`);
  };
  assert.deepEqual(await names("/d"), ["d:d", "f:d/f"]);
  assert.deepEqual(await names("/d/."), ["d:.", "f:./f"]);
  assert.deepEqual(await names("d/f"), ["f:f"]);
  assert.deepEqual(await names("/link"), ["s:link"]);
  assert.deepEqual(await names("/link/"), ["d:link", "f:link/f"]);
  assert.deepEqual((await names("/")).slice(0, 1), ["d:/"]);
  assert.ok((await names("/")).includes("f:/d/f"));
});

test("stat tells a link's target as it is from the root, and follows only when asked", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "a/b"), { recursive: true });
  writeFileSync(join(folder, "a/b/f"), "four");
  symlinkSync("../../../../a/x", join(folder, "a/l"));
  symlinkSync("b", join(folder, "a/x"));
  symlinkSync("/nowhere/../else", join(folder, "broken"));
  symlinkSync("loop", join(folder, "loop"));
  await using session = await enter(folder);
  const link = await session.stat("/a/l", false, never);
  assert.deepEqual([link.name, link.linkTarget, link.mode >> 12], ["l", "/a/b", 0o12]);
  assert.equal((await session.stat("/a/l/f", true, never)).size, 4);
  assert.equal((await session.stat("/a/l/.", false, never)).mode >> 12, 0o4);
  assert.equal((await session.stat("/broken", false, never)).linkTarget, "/else");
  await assert.rejects(session.stat("/broken", true, never), (error) =>
    isDuetError(error, "not-found"),
  );
  await assert.rejects(session.stat("/loop", true, never), (error) => isDuetError(error, "denied"));
  assert.equal((await session.stat("/", false, never)).name, "/");
});

test("folders and other kinds do not replace each other where the client says so", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "d"));
  writeFileSync(join(folder, "f"), "x");
  await using session = await enter(folder);
  const careful = { ...plain, noOverwriteDirNonDir: true };
  const overFolder = archiveOf([{ kind: "file", name: "d", data: "y" }]);
  const overFile = archiveOf([{ kind: "directory", name: "f" }]);
  await assert.rejects(session.extract("/", one(overFolder), careful, never), (error) =>
    isDuetError(error, "invalid"),
  );
  await assert.rejects(session.extract("/", one(overFile), careful, never), (error) =>
    isDuetError(error, "invalid"),
  );
  await session.extract("/", one(overFolder), plain, never);
  await session.extract("/", one(overFile), plain, never);
  assert.ok(statSync(join(folder, "d")).isFile() && statSync(join(folder, "f")).isDirectory());
  await assert.rejects(session.extract("/d", one(overFile), plain, never), (error) =>
    isDuetError(error, "invalid"),
  );
});

test("a read-only root takes nothing", async (context) => {
  const folder = temporaryFolder(context);
  await using session = await enter(folder, shipped, true);
  const tar = archiveOf([{ kind: "file", name: "f" }]);
  await assert.rejects(session.extract("/", one(tar), plain, never), (error) =>
    isDuetError(error, "denied"),
  );
  await assert.rejects(session.makeDirectory("/d", 0o755, 0, 0, never), (error) =>
    isDuetError(error, "denied"),
  );
});

test("users and groups are found as runc finds them", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "etc"));
  writeFileSync(
    join(folder, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nbob:x:1000:100:Bob:/home/bob:/bin/sh\n# x\nbroken\n",
  );
  writeFileSync(
    join(folder, "etc/group"),
    "root:x:0:\nusers:x:100:\nwheel:x:10:bob,alice\naudio:x:29:bob\n",
  );
  await using session = await enter(folder);
  const find = async (user: string, groups: readonly string[] = []) =>
    await session.lookupUser(user, groups, never);
  assert.deepEqual(await find(""), { uid: 0, gid: 0, groups: [0], home: "/root" });
  assert.deepEqual(await find("bob"), {
    uid: 1000,
    gid: 100,
    groups: [100, 10, 29],
    home: "/home/bob",
  });
  assert.deepEqual(await find("1000"), {
    uid: 1000,
    gid: 100,
    groups: [100, 10, 29],
    home: "/home/bob",
  });
  assert.deepEqual(await find("bob:wheel"), {
    uid: 1000,
    gid: 10,
    groups: [10],
    home: "/home/bob",
  });
  assert.deepEqual(await find("4242"), { uid: 4242, gid: 0, groups: [0], home: "/" });
  assert.deepEqual(await find("4242:77", ["audio", "5"]), {
    uid: 4242,
    gid: 77,
    groups: [77, 29, 5],
    home: "/",
  });
  await assert.rejects(find("alice"), (error) => isDuetError(error, "invalid"));
  await assert.rejects(find("bob:nogroup"), (error) => isDuetError(error, "invalid"));
});

test("where the files of users are none, numbers need no entry, and a pipe is refused", async (context) => {
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "folder/etc/passwd"), { recursive: true });
  mkdirSync(join(folder, "file"));
  writeFileSync(join(folder, "file/etc"), "");
  for (const root of ["folder", "file"]) {
    await using session = await enter(join(folder, root));
    const expected = { uid: 5, gid: 6, groups: [6], home: "/" };
    assert.deepEqual(await session.lookupUser("5:6", [], never), expected);
    const nobody = { uid: 0, gid: 0, groups: [0], home: "/" };
    assert.deepEqual(await session.lookupUser("", [], never), nobody);
    await assert.rejects(session.lookupUser("root", [], never), (error) =>
      isDuetError(error, "invalid"),
    );
  }
  execFileSync("mkfifo", [join(folder, "folder/etc/group")]);
  await using session = await enter(join(folder, "folder"));
  await assert.rejects(session.lookupUser("5:6", [], never), (error) =>
    isDuetError(error, "invalid"),
  );
});

test("the root of a running process is the one that it sees, and its own mounts stay as they are", async (context) => {
  const folder = temporaryFolder(context);
  const pid = await startInside(context, folder);
  await using session = await shipped.open({ kind: "process", pid }, never);
  assert.equal((await session.readFile("/only-there", 100, never)).toString(), "mounted\n");
  await session.extract(
    "/tmp",
    one(archiveOf([{ kind: "file", name: "new", data: "n" }])),
    plain,
    never,
  );
  const options = readFileSync(`/proc/${pid}/mountinfo`, "utf8");
  assert.doesNotMatch(options, / \/ \/ [^ ]*noexec/);
  assert.equal(readFileSync(`/proc/${pid}/root/tmp/new`, "utf8"), "n");
  await assert.rejects(shipped.open({ kind: "process", pid: 4_194_303 }, never), (error) =>
    isDuetError(error, "not-found"),
  );
});

/** A process in a mount namespace of its own with a tmpfs as its root. */
async function startInside(context: TestContext, folder: string): Promise<number> {
  const script = `
    mount -t tmpfs none "$1" && cd "$1" && mkdir -p bin old tmp && cp /bin/busybox bin/ &&
    echo mounted > only-there && pivot_root . old && /bin/busybox umount -l old && echo ready &&
    exec /bin/busybox sleep 600`;
  const child = spawn(
    "unshare",
    ["-m", "--propagation", "private", "sh", "-c", script, "sh", folder],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  context.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  await once(child.stdout, "data");
  assert.ok(child.pid !== undefined);
  return child.pid;
}

test("a session that is given up, and a helper that cannot start, are told", async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "big"), Buffer.alloc(40 << 20));
  await using session = await enter(folder);
  const controller = new AbortController();
  await assert.rejects(
    async () => {
      for await (const part of session.archive("/", controller.signal)) {
        void part;
        controller.abort(canceled("enough"));
      }
    },
    (error) => isDuetError(error, "canceled"),
  );
  await assert.rejects(session.stat("/", false, never), (error) =>
    isDuetError(error, "unavailable"),
  );
  const broken = createRootfsAccess({ binary: "/nonexistent/duet-rootfs", log: silentLog });
  await assert.rejects(enter(folder, broken), (error) => isDuetError(error, "unavailable"));
  await assert.rejects(enter(join(folder, "missing")), (error) => isDuetError(error, "not-found"));
});

test("binds below a root are seen in their places", async (context) => {
  const folder = temporaryFolder(context);
  for (const part of ["root/data", "volume"]) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, "volume/f"), "v");
  symlinkSync("/data", join(folder, "root/link"));
  const bind = (source: string, target: string) =>
    ({ type: "bind", source: join(folder, source), target, options: ["rbind"] }) as const;
  await using session = await shipped.open(
    {
      kind: "mounts",
      mounts: [bind("root", ""), bind("volume", "/link"), bind("volume", "/absent")],
      readonly: false,
    },
    never,
  );
  assert.equal((await session.readFile("/data/f", 10, never)).toString(), "v");
  assert.equal(mountsBelow(folder), "");
});

test("members of a tree come as they lie in a larger one, without what is mounted over", async (context) => {
  const folder = temporaryFolder(context);
  execFileSync(
    "sh",
    [
      "-c",
      "mkdir -p top/var/log top/variety top/lost+found top/usr && echo x > top/var/log/x && echo y > top/variety/y && ln top/variety/y top/usr/y",
    ],
    { cwd: folder },
  );
  await using session = await enter(folder);
  const parts = await collect(session.members("/top", "", ["var"], never));
  const more = await collect(session.members("/top/var", "var", [], never));
  const tar = Buffer.concat([parts, more, Buffer.alloc(1_024)]);
  const listed = execFileSync("tar", ["-t"], { input: tar }).toString().split("\n").filter(Boolean);
  assert.deepEqual(listed, [
    "usr/",
    "usr/y",
    "variety/",
    "variety/y",
    "var/",
    "var/log/",
    "var/log/x",
  ]);
  await assert.rejects(collect(session.members("/top/usr/y", "", [], never)), /not a directory/);
  await assert.rejects(collect(session.members("/top", "", ["usr"], never)), (error) =>
    isDuetError(error, "unsupported"),
  );
});
