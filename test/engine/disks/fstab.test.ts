import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ForeignDisk, ForeignPartition } from "../../../src/domain/foreign-disk.ts";
import { fstabMounts } from "../../../src/engine/disks/fstab.ts";

function partition(number: number, names: readonly string[] = []): ForeignPartition {
  return { number, offset: number << 20, size: 1 << 20, fileSystem: "ext4", names };
}

const partitions: readonly ForeignPartition[] = [
  partition(1),
  partition(2, ["UUID=ab-cd", "LABEL=home of all"]),
  partition(3, ["PARTUUID=12-34", "PARTLABEL=logs"]),
  { ...partition(5, ["UUID=ef"]), fileSystem: "btrfs" },
];
const disk = { partitions } as unknown as ForeignDisk;

function placesOf(...lines: readonly string[]): readonly string[] {
  return fstabMounts(lines.join("\n"), disk).mounts.map(
    ({ place, partition: { number }, folder }) => `${place} ${number} ${folder}`,
  );
}

test("an fstab's mounts are found by all the names that it may use, those above first", () => {
  const found = placesOf(
    "# comment",
    "/dev/sda1 / ext4 defaults 0 1",
    'PARTLABEL="logs" /var/log auto defaults',
    "UUID=AB-CD /var ext4",
    "LABEL=home\\040of\\040all /home\\040 ext3 defaults 0 0",
    "/dev/disk/by-partuuid/12-34 /srv/data ext2 nofail",
    "/dev/nvme0n1p1 /opt ext4",
    "UUID=ef /usr/local btrfs rw,subvol=/@/usr/local",
  );
  assert.deepEqual(found, [
    "var 2 ",
    "home  2 ",
    "opt 1 ",
    "var/log 3 ",
    "srv/data 3 ",
    "usr/local 5 /@/usr/local",
  ]);
});

test("what is not of this disk, not a place or not to be mounted is passed over", () => {
  const found = placesOf(
    "tmpfs /tmp tmpfs",
    "UUID=00 /data ext4",
    "/dev/sdb1 /more ext4",
    "/dev/sda1 /proc/x ext4",
    "/dev/sda1 /.snapshots btrfs",
    "/dev/sda1 ../up ext4",
    "/dev/sda1 /a/../b ext4",
    "/dev/sda1 none ext4",
    "/dev/sda1 /late ext4 noauto",
    "/home /other none bind",
    "/dev/sda1",
  );
  assert.deepEqual(found, []);
});

test("a subvolume is known by its path, one of the top level also by its number, and no other is guessed", () => {
  const found = placesOf(
    "UUID=ef /a btrfs subvolid=256,subvol=/@a",
    "UUID=ef /b btrfs subvolid=5",
    "UUID=ef /c btrfs subvol=/",
    "UUID=ef /d btrfs compress=zstd",
  );
  assert.deepEqual(found, ["a 5 /@a", "b 5 /", "c 5 /", "d 5 "]);
  const { mounts, refused } = fstabMounts("UUID=ef /home btrfs rw,subvolid=258", disk);
  assert.deepEqual(mounts, []);
  assert.deepEqual(refused, ["mounts /home by the number of a subvolume"]);
});

test("an fstab of more mounts than are put together is refused rather than cut off", () => {
  const lines = Array.from({ length: 40 }, (_, index) => `/dev/sda1 /a${index} ext4`);
  assert.deepEqual(fstabMounts(lines.slice(0, 32).join("\n"), disk).refused, []);
  assert.equal(fstabMounts(lines.slice(0, 32).join("\n"), disk).mounts.length, 32);
  assert.deepEqual(fstabMounts(lines.join("\n"), disk).refused, [
    "mounts more than 32 file systems",
  ]);
});

test("a /usr that is not on the disk is told of", () => {
  assert.deepEqual(fstabMounts("UUID=00 /usr ext4", disk).missing, ["/usr"]);
});

test("whatever an fstab says, its mounts are places below the root and partitions of the disk", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "/dev/sda1",
      "UUID=ef",
      "/usr",
      "/usr/./x",
      "//",
      "ext4",
      "btrfs",
      "subvol=../..",
    ),
    fc.string(),
  );
  const line = fc.array(word, { maxLength: 5 }).map((words) => words.join(" "));
  const property = fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
    const { mounts } = fstabMounts(lines.join("\n"), disk);
    assert.ok(mounts.length <= 33);
    for (const { place, partition: one } of mounts) {
      assert.ok(partitions.includes(one));
      assert.match(place, /^[^/]/);
      assert.ok(!place.split("/").some((part) => ["", ".", ".."].includes(part)));
    }
  });
  fc.assert(property, { numRuns: 300 });
});
