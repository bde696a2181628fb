import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { CopyTarget } from "../../../src/domain/build/files.ts";
import { createBuildFiles } from "../../../src/drivers/build-files/build-files.ts";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { enterTree } from "../../../src/kit/tree/enter.ts";
import { treeOperation } from "../../../src/kit/tree/operations.ts";
import { rootfsBinary } from "../../native/rootfs/binary.ts";
import { into, listing, mountsOf, take, treeOf } from "./trees.ts";

const files = createBuildFiles({ binary: rootfsBinary });

/** Leaves out nothing, but is looked at for every file: so each comes through the daemon. */
const oneByOne = { exclude: ["no-such-name"] };

/** linux/posix_acl_xattr.h: user 77 may do all. */
const acl =
  "0x0200000001000700ffffffff020007004d00000004000500ffffffff10000700ffffffff20000500ffffffff";

const everything = `
  mkdir -p d/sub/deeper d/shared d/empty; chmod 2775 d/sub; chown 3:4 d/sub
  echo small > d/small; chmod 4711 d/small; chown 5:6 d/sub d/small; : > d/nothing
  head -c 262144 /dev/urandom > d/inline; head -c 262145 /dev/urandom > d/large; head -c 3000000 /dev/urandom > d/sub/big
  truncate -s 5M d/sparse; echo x | dd of=d/sparse bs=1 seek=3000000 conv=notrunc status=none; truncate -s 9000 d/hole
  echo one > d/sub/first; ln d/sub/first d/sub/deeper/second; ln d/sub/first d/third
  ln -s ../../../../etc/passwd d/link; ln -P d/link d/sub/link; mkfifo d/pipe; mknod d/device b 7 9; chown 8:9 d/link d/pipe
  echo raw > "d/$(printf 'n\\377')"; setfattr -n user.note -v kept d/small; setfattr -n user.note -v kept d/sub
  setfattr -n trusted.note -v left d/small
  setfattr -n system.posix_acl_access -v ${acl} d/small; setfattr -n system.posix_acl_default -v ${acl} d/shared; echo in > d/shared/in; mkdir d/shared/below
  python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("d/socket")'
  touch -h -d @1000000000.5 d/link d/small; touch -d @2000000000.25 d/large d/sub/deeper; touch -d @1500000000 d/sub d/empty
`;

/** All that an archive knows of a tree. */
function archiveOf(folder: string): string {
  const options =
    "--sort=name --format=posix --pax-option=delete=atime,delete=ctime --numeric-owner";
  const whole = `${options} --xattrs --xattrs-include=* --acls -C "$1" -cf - .`;
  return execFileSync("sh", ["-ec", `tar ${whole} | sha256sum`, "sh", folder], {
    encoding: "utf8",
  });
}

const changes: Readonly<Record<string, Partial<CopyTarget>>> = {
  "as it is": {},
  "for an owner": { owner: { uid: 11, gid: 12 } },
  "with times cut off": { latestTime: 1_600_000_000 },
};

for (const [name, change] of Object.entries(changes)) {
  test(`a folder that is copied whole, ${name}, is the same as file by file`, async (t) => {
    const source = treeOf(t, everything);
    const before =
      "mkdir -p app/sub; echo old > app/small; ln -s nowhere app/large; touch -d @1 app";
    const [whole, single] = [treeOf(t, before), treeOf(t, before)];
    await files.copy([take(source, "d")], into(whole.folder, "/app", change), never);
    await files.copy([take(source, "d", oneByOne)], into(single.folder, "/app", change), never);
    assert.deepEqual(listing(whole.folder), listing(single.folder));
    for (const tree of [whole, single])
      execFileSync("touch", ["-d", "@1", join(tree.folder, "app")]);
    execFileSync("touch", ["-d", "@1", whole.folder, single.folder]);
    assert.equal(archiveOf(whole.folder), archiveOf(single.folder));
    const [one, other] = [whole, single].map(({ folder }) => lstatSync(join(folder, "app/sparse")));
    assert.ok(one!.blocks * 512 < 1 << 20 && one!.blocks === other!.blocks);
    const file = (path: string): number => lstatSync(join(whole.folder, "app", path)).ino;
    assert.equal(file("third"), file("sub/deeper/second"));
  });
}

test("a folder of a thousand levels is copied whole", async (t) => {
  const source = treeOf(t, "d=$(printf 'd/%.0s' $(seq 1000)); mkdir -p $d; echo end > $d/f");
  const root = treeOf(t, "true");
  await files.copy([take(source, "/")], into(root.folder, "/"), never);
  const end = execFileSync("find", [root.folder, "-name", "f", "-printf", "%d"], {
    encoding: "utf8",
  });
  assert.equal(end, "1001");
});

test("a folder copied whole follows links in neither tree, and takes no other kind's place", async (t) => {
  const source = treeOf(t, "mkdir -p d/sub; echo new > d/sub/f; ln -s / d/root");
  const outside = treeOf(t, "mkdir sub; echo kept > sub/f");
  const linked = treeOf(t, `mkdir app; ln -s ${outside.folder}/sub app/sub`);
  const refused = (error: unknown): boolean =>
    isDuetError(error, "invalid") && error.code === "KINDS_DIFFER";
  await assert.rejects(
    files.copy([take(source, "d")], into(linked.folder, "/app"), never),
    refused,
  );
  assert.equal(readFileSync(join(outside.folder, "sub/f"), "utf8"), "kept\n");
  const root = treeOf(t, "true");
  await files.copy([take(source, "d")], into(root.folder, "/app"), never);
  assert.deepEqual(listing(root.folder), [
    "app drwxr-xr-x 0:0",
    "app/root lrwxrwxrwx 0:0 -> /",
    "app/sub drwxr-xr-x 0:0",
    "app/sub/f -rw-r--r-- 0:0 = new",
  ]);
});

test("the tree that files are copied from is in no place of the other, and asked for without one it ends the session", async (t) => {
  const source = treeOf(t, "echo secret > only-here");
  const root = treeOf(t, "mkdir proc; echo x > x");
  const target = { kind: "mounts", mounts: mountsOf(root.folder) } as const;
  {
    await using tree = await enterTree(rootfsBinary, target, { beside: source.mounts }, never);
    for (const path of ["only-here", "proc/only-here", "../only-here"]) {
      assert.equal(await tree.view.look(Buffer.from(path), never), undefined);
    }
  }
  await using tree = await enterTree(rootfsBinary, target, {}, never);
  const frame = tree.link.operation(treeOperation.copy).u8(0).u8(0).u32(0).u32(0).u64(0);
  frame.bytes(Buffer.from("")).bytes(Buffer.from(""));
  await tree.link.post();
  await assert.rejects(tree.link.barrier(never));
});
