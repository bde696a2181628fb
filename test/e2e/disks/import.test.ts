import { randomBytes } from "node:crypto";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, open, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { run } from "../../../src/kit/subprocess.ts";
import { busyboxLayer } from "../../attacks/hostile-image.ts";
import { mbr } from "../../drivers/foreign-disk/disks.ts";
import { archiveOf } from "../../kit/tar/samples.ts";
import { TestDaemon } from "../daemon.ts";
import { duetLine } from "./duet-line.ts";
import { ownerOfTests } from "../owner.ts";

const mebibyte = 1 << 20;
const release = 'PRETTY_NAME="Trial Linux 7"\nVERSION_ID=7\nID=trial\n';

describe("an image made from a machine's disk", { timeout: 1_500_000 }, () => {
  let daemon: TestDaemon;
  let tree: string;
  const owner = ownerOfTests();
  before(async () => {
    daemon = await TestDaemon.start(owner, { flags: ["--vm-pool-size", "0"], vmTemplates: true });
    tree = join(daemon.folder, "tree");
    await mkdir(tree);
    const own = archiveOf([
      { kind: "directory", name: "etc" },
      { kind: "file", name: "etc/os-release", data: release },
      { kind: "file", name: "etc/secret", mode: 0o600, uid: 12, gid: 34, data: "kept" },
      { kind: "directory", name: "sbin" },
      { kind: "symlink", name: "sbin/init", linkName: "../bin/busybox", mode: 0o777 },
    ]);
    const tar = Buffer.concat([busyboxLayer.subarray(0, -1024), own]);
    execFileSync("tar", ["-x", "-p", "-C", tree], { input: tar });
    await writeFile(join(daemon.folder, "root.tar"), tar);
  });
  async function command(program: string, ...words: readonly string[]): Promise<void> {
    await run(program, words, { signal: AbortSignal.timeout(180_000) });
  }

  async function blank(name: string, size: number): Promise<string> {
    const path = join(daemon.folder, name);
    await writeFile(path, "");
    await truncate(path, size);
    return path;
  }

  async function assertImage(name: string): Promise<void> {
    const format = '{{json .Config.Cmd}} {{index .Config.Labels "org.opencontainers.image.title"}}';
    const inspected = await daemon.docker("image", "inspect", "-f", format, name);
    assert.equal(inspected, '["/sbin/init"] Trial Linux 7\n');
    const look = "stat -c '%a %u:%g' /etc/secret; cat /etc/secret";
    assert.equal(
      await daemon.docker("run", "--rm", name, "/bin/sh", "-c", look),
      "600 12:34\nkept",
    );
  }

  test("comes back out of the appliance that an image was converted to", async () => {
    await daemon.docker("import", join(daemon.folder, "root.tar"), "trial:1");
    const appliance = join(daemon.folder, "trial.ova");
    const made = await duetLine(daemon, ["image", "convert", "trial:1", appliance, "/bin/sh"]);
    assert.equal(made.code, 0, made.stderr);
    const back = await duetLine(daemon, ["image", "import-disk", appliance, "back:ova"]);
    assert.equal(back.code, 0, back.stderr);
    await assertImage("back:ova");
  });

  test("of a logical partition with xfs, behind a partition that is no root", async () => {
    const disk = await blank("xfs.raw", 460 * mebibyte);
    const boot = await blank("boot.ext4", 8 * mebibyte);
    await command("mke2fs", "-q", "-t", "ext4", boot);
    const root = await blank("root.xfs", 400 * mebibyte);
    const layout = join(daemon.folder, "layout");
    /* The protofile of mkfs.xfs(8), whose names and contents are the tree's. */
    await writeFile(
      layout,
      [
        "/dev/null",
        "0 0",
        "d--755 0 0",
        "etc d--755 0 0",
        `os-release ---644 0 0 ${tree}/etc/os-release`,
        `secret ---600 12 34 ${tree}/etc/secret`,
        "$",
        "bin d--755 0 0",
        `busybox ---755 0 0 ${tree}/bin/busybox`,
        "sh l--777 0 0 busybox",
        "stat l--777 0 0 busybox",
        "cat l--777 0 0 busybox",
        "$",
        "sbin d--755 0 0",
        "init l--777 0 0 ../bin/busybox",
        "$",
        "$",
        "",
      ].join("\n"),
    );
    await command("mkfs.xfs", "-q", "-p", layout, root);
    const at = 16 * 2_048;
    const table = await open(disk, "r+");
    await table.write(
      mbr([
        { type: 0x83, first: 2_048, count: 8 * 2_048 },
        { type: 0x05, first: at, count: 420 * 2_048 },
      ]),
      0,
      512,
      0,
    );
    await table.write(mbr([{ type: 0x83, first: 2_048, count: 400 * 2_048 }]), 0, 512, at * 512);
    await table.close();
    const copy = ["bs=1M", "conv=notrunc,sparse", "status=none"];
    await command("dd", `if=${boot}`, `of=${disk}`, "seek=1", ...copy);
    await command("dd", `if=${root}`, `of=${disk}`, "seek=17", ...copy);
    const made = await duetLine(daemon, ["image", "import-disk", disk, "back:xfs"]);
    assert.equal(made.code, 0, made.stderr);
    await assertImage("back:xfs");
    const named = await duetLine(daemon, ["image", "import-disk", "--partition", "1", disk]);
    assert.match(named.stdout.toString(), /^sha256:/);
    const none = await duetLine(daemon, ["image", "import-disk", "--partition", "3", disk]);
    assert.match(none.stderr, /no partition 3.*partition 5: 400 MiB of xfs/s);
  });

  test("of a root whose programs are in a larger partition is what its fstab puts together", async () => {
    const folder = (name: string): string => join(daemon.folder, "parts", name);
    for (const name of ["root", "usr/lib", "usr/bin", "usr/sbin"])
      await mkdir(folder(name), { recursive: true });
    await command("cp", "-a", `${tree}/.`, folder("root"));
    await mkdir(folder("root/usr/hidden"), { recursive: true });
    await writeFile(
      folder("root/etc/fstab"),
      "/dev/vda2 / ext4 defaults\nLABEL=programs /usr ext4\n",
    );
    await writeFile(folder("root/etc/os-release"), "PRETTY_NAME=old\n");
    await writeFile(folder("usr/lib/os-release"), release);
    for (const name of ["usr/bin/sh", "usr/sbin/init"]) await writeFile(folder(name), "");
    const disk = await blank("parts.raw", 80 * mebibyte);
    const table = await open(disk, "r+");
    const entries = [
      { type: 0x83, first: 2_048, count: 40 * 2_048 },
      { type: 0x83, first: 42 * 2_048, count: 32 * 2_048 },
    ];
    await table.write(mbr(entries), 0, 512, 0);
    await table.close();
    for (const [name, label, start, size] of [
      ["usr", "programs", 1, 40],
      ["root", "root", 42, 32],
    ] as const) {
      const words = ["-q", "-F", "-t", "ext4", "-L", label, "-d", folder(name)];
      await command("mke2fs", ...words, "-E", `offset=${start * mebibyte}`, disk, `${size}m`);
    }
    const made = await duetLine(daemon, ["image", "import-disk", disk, "back:parts"]);
    assert.equal(made.code, 0, made.stderr);
    await assertImage("back:parts");
    const listed = await daemon.docker("run", "--rm", "back:parts", "/bin/busybox", "ls", "/usr");
    assert.equal(listed, "bin\nlib\nsbin\n");
  });

  test("of a btrfs without partitions, in a qcow2", async () => {
    const raw = await blank("root.btrfs", 200 * mebibyte);
    await command("mkfs.btrfs", "-q", "--csum", "xxhash", "--rootdir", tree, raw);
    const disk = join(daemon.folder, "btrfs.qcow2");
    await command("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", raw, disk);
    const made = await duetLine(daemon, ["image", "import-disk", disk, "back:btrfs"]);
    assert.equal(made.code, 0, made.stderr);
    await assertImage("back:btrfs");
  });

  test("that carries the disk itself has KubeVirt's layout, and goes through a registry's format", async () => {
    const disk = join(daemon.folder, "carried.qcow2");
    await command("qemu-img", "create", "-q", "-f", "qcow2", disk, "1G");
    const made = await duetLine(daemon, ["image", "wrap-disk", disk, "carried:1"]);
    assert.equal(made.code, 0, made.stderr);
    await daemon.docker("create", "--name", "carrier", "carried:1", "none");
    const { stdout } = await daemon.tryDocker(["cp", "carrier:/disk", "-"], [0]);
    const listed = execFileSync("tar", ["-tv", "--numeric-owner"], { input: stdout }).toString();
    assert.match(
      listed,
      /^drwxr-xr-x 107\/107 .* disk\/\n-r--r----- 107\/107 .* disk\/carried\.qcow2\n$/,
    );
    const { stdout: bytes } = await daemon.tryDocker(
      ["cp", "carrier:/disk/carried.qcow2", "-"],
      [0],
    );
    const content = execFileSync("tar", ["-xO"], { input: bytes });
    assert.ok(content.equals(await readFile(disk)));
    await daemon.docker("rm", "carrier");
    const vmdk = join(daemon.folder, "carried.vmdk");
    await command("qemu-img", "convert", "-O", "vmdk", disk, vmdk);
    const refused = await duetLine(daemon, ["image", "wrap-disk", vmdk, "carried:2"]);
    assert.match(refused.stderr, /raw and qcow2 disks only/);
    await command("tar", "-C", daemon.folder, "-cf", join(daemon.folder, "d.ova"), "carried.vmdk");
    const packed = join(daemon.folder, "packed.raw");
    await writeFile(packed, randomBytes(4_096));
    await command("gzip", packed);
    await writeFile(join(daemon.folder, "words.raw"), "no disk at all\n".repeat(100));
    for (const [name, why] of [
      ["d.ova", /a tar archive, as an OVA is, not a disk/],
      ["packed.raw.gz", /the disk is compressed/],
      ["words.raw", /1500 bytes are no whole sectors/],
    ] as const) {
      const line = ["image", "wrap-disk", join(daemon.folder, name), "carried:2"];
      assert.match((await duetLine(daemon, line)).stderr, why);
    }
  });

  test("is refused for a disk that names a file of the host, and nothing stays of it", async () => {
    const secret = join(daemon.folder, "secret");
    await writeFile(secret, Buffer.alloc(mebibyte, "s"));
    await chmod(secret, 0o600);
    const disk = join(daemon.folder, "over.qcow2");
    const words = ["create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", disk];
    await command("qemu-img", ...words);
    const refused = await duetLine(daemon, ["image", "import-disk", disk]);
    assert.match(refused.stderr, /builds on another file/);
    const damaged = await blank("damaged.raw", 8 * mebibyte);
    await command("mke2fs", "-q", "-t", "ext4", damaged);
    const file = await open(damaged, "r+");
    await file.write(Buffer.alloc(mebibyte, 0xff), 0, mebibyte, 4_096);
    await file.close();
    const broken = await duetLine(daemon, ["image", "import-disk", damaged]);
    assert.notEqual(broken.code, 0);
    assert.match(broken.stderr, /file system is damaged.*cannot mount|no root/);
    assert.deepEqual(await readdir(join(daemon.folder, "data/foreign-disks")), []);
    await daemon.assertNothingOf("an import that failed");
  });
});
