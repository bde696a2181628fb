import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createBlockSnapshotter } from "../../../src/drivers/disks/disks.ts";
import { overlayImage, writeOverlayDisk } from "../../../src/kit/qcow2.ts";
import { createOverlaySnapshotter } from "../../../src/drivers/snapshots/overlay.ts";
import type { RootSource, Snapshotter } from "../../../src/domain/snapshot.ts";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { archiveOf } from "../../kit/tar/samples.ts";
import { mountsBelow, rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";
import { imageOf } from "../../suites/layers.ts";
import { snapshotterSuite } from "../../suites/snapshotter.ts";

const size = { minimum: 64 << 20, free: 16 << 20 };

async function openDisks(folder: string): Promise<Snapshotter> {
  const parts = { binary: rootfsBinary, log: silentLog };
  const layers = await createOverlaySnapshotter({ directory: join(folder, "s"), ...parts });
  return await createBlockSnapshotter({ directory: join(folder, "d"), layers, size, ...parts });
}

/** The base below an untouched overlay disk, which debugfs reads without mounting. */
function baseOf(root: RootSource): string {
  assert.ok(root.kind === "block");
  const path = root.kind === "block" ? root.disk.path : "";
  const told = execFileSync("qemu-img", ["info", "--output=json", path], { encoding: "utf8" });
  const info = JSON.parse(told) as Record<string, unknown>;
  assert.equal(info["format"], "qcow2");
  assert.equal(info["backing-filename-format"], "raw");
  execFileSync("qemu-img", ["check", "-q", path]);
  return String(info["backing-filename"]);
}

function debugfs(disk: string, command: string): string {
  return execFileSync("/usr/sbin/debugfs", ["-R", command, disk], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
}

snapshotterSuite("disks", openDisks, async (root) => {
  const listing = debugfs(baseOf(root), "ls -p /etc");
  const names = listing.split("\n").map((line) => line.split("/")[5] ?? "");
  return names.filter((name) => name !== "" && name !== "." && name !== "..").toSorted();
});

test("a base disk holds owners, modes, links, devices, capabilities and byte names, and is sound", async (context) => {
  const folder = temporaryFolder(context);
  const driver = await openDisks(folder);
  const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
  const image = imageOf([
    archiveOf([
      { kind: "directory", name: "bin", mode: 0o711, uid: 3, gid: 4 },
      { kind: "file", name: "bin/su", data: "program", mode: 0o4755, uid: 0, gid: 9 },
      {
        kind: "file",
        name: "bin/ping",
        data: "x",
        attributes: [{ name: Buffer.from("security.capability"), value: capability }],
      },
      { kind: "hardlink", name: "bin/su2", linkName: "bin/su", mode: 0o4755, uid: 0, gid: 9 },
      { kind: "symlink", name: "bin/sh", linkName: "/../../etc/passwd" },
      { kind: "character", name: "null", deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
      { kind: "fifo", name: "pipe", mode: 0o600 },
      { kind: "file", name: Buffer.from([0x6e, 0xff, 0xfe]), data: "bytes" },
    ]),
  ]);
  await driver.unpack(image.request, never);
  const base = baseOf(await driver.prepare("one", image.top, never));
  assert.equal(statSync(base).mode & 0o777, 0o444);
  execFileSync("/usr/sbin/e2fsck", ["-fn", base], { stdio: "ignore" });
  const su = debugfs(base, "stat /bin/su");
  assert.match(su, /Mode:\s+04755/);
  assert.match(su, /Group:\s+9/);
  assert.match(su, /Links: 2/);
  assert.equal(
    /Inode: (\d+)/.exec(debugfs(base, "stat /bin/su2"))![1],
    /Inode: (\d+)/.exec(su)![1],
  );
  assert.match(debugfs(base, "stat /bin"), /User:\s+3\s+Group:\s+4/);
  assert.match(debugfs(base, "stat /null"), /Device major\/minor number: 01:03/);
  assert.match(debugfs(base, "stat /pipe"), /Type: FIFO/);
  assert.match(debugfs(base, "stat /bin/sh"), /Fast link dest: "\/\.\.\/\.\.\/etc\/passwd"/);
  assert.match(debugfs(base, "ea_list /bin/ping"), /security\.capability \(20\)/);
  assert.equal(mountsBelow(folder), "");
});

test("the base disk is made once a chain, also when many want it at once", async (context) => {
  const folder = temporaryFolder(context);
  const driver = await openDisks(folder);
  const image = imageOf([archiveOf([{ kind: "file", name: "f" }])]);
  await driver.unpack(image.request, never);
  const roots = await Promise.all(
    ["a", "b", "c"].map((key) => driver.prepare(key, image.top, never)),
  );
  assert.equal(new Set(roots.map(baseOf)).size, 1);
  assert.equal(readdirSync(join(folder, "d/base")).length, 1);
  for (const root of roots) {
    assert.ok(root.kind === "block" && statSync(root.disk.path).mode % 0o1000 === 0o600);
  }
});

test("an overlay disk takes no backing name that QEMU could read as something else (G88)", async (context) => {
  const folder = temporaryFolder(context);
  for (const backing of [
    "json:{}",
    "nbd:unix:/x",
    "relative",
    "/with\0nul",
    `/${"x".repeat(1_100)}`,
    "",
  ]) {
    assert.throws(
      () => overlayImage(backing, 1 << 20),
      (error) => isDuetError(error, "invalid"),
    );
  }
  for (const wrong of [0, -512, 100, 2 ** 53, Number.NaN, 2 ** 50]) {
    assert.throws(
      () => overlayImage("/b", wrong),
      (error) => isDuetError(error, "invalid"),
    );
  }
  const backing = join(folder, "b:c,d.raw");
  execFileSync("truncate", ["-s", "3G", backing]);
  const disk = join(folder, "o.qcow2");
  await writeOverlayDisk(disk, backing, 3 * 2 ** 30);
  execFileSync("qemu-io", [
    "-c",
    "write -P 7 2900M 1M",
    "-c",
    "read -P 7 2900M 1M",
    "-c",
    "read -P 0 0 1M",
    disk,
  ]);
  execFileSync("qemu-img", ["check", "-q", disk]);
  await assert.rejects(writeOverlayDisk(disk, backing, 3 * 2 ** 30), { code: "EEXIST" });
});
