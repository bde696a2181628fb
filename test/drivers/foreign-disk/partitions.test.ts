import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { gptParts, partitionType } from "../../../src/drivers/boot-disk/gpt.ts";
import {
  findRoots,
  firmwareFor,
  type ReadDisk,
} from "../../../src/drivers/foreign-disk/partitions.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { mbr, sealGpt, type TestPartition } from "./disks.ts";

const sector = 512;
const diskSize = 8 << 20;

function reader(disk: Buffer): ReadDisk {
  return async (offset, size) => disk.subarray(offset, Math.min(offset + size, disk.length));
}

function put(disk: Buffer, at: number, kind: "ext4" | "xfs" | "btrfs" | "lvm" | "luks"): void {
  if (kind === "ext4") disk.writeUInt16LE(0xef53, at + 1_024 + 0x38);
  if (kind === "xfs") disk.write("XFSB", at, "latin1");
  if (kind === "btrfs") disk.write("_BHRfS_M", at + 0x10040, "latin1");
  if (kind === "lvm") disk.write("LABELONE", at + 512, "latin1");
  if (kind === "lvm") disk.write("LVM2 001", at + 512 + 24, "latin1");
  if (kind === "luks") disk.write("LUKS\u00ba\u00be", at, "latin1");
}

function withMbr(entries: readonly TestPartition[]): Buffer {
  const disk = Buffer.alloc(diskSize);
  mbr(entries).copy(disk);
  return disk;
}

function withGpt(types: readonly string[]): Buffer {
  const disk = Buffer.alloc(diskSize);
  const id = "00000000-0000-4000-8000-000000000001";
  const partitions = types.map((type, index) => ({
    type,
    id,
    name: "any",
    first: 2_048 * (index + 1),
    last: 2_048 * (index + 2) - 1,
  }));
  const parts = gptParts(diskSize / sector, id, partitions, Buffer.alloc(0));
  for (const { offset, data } of parts) disk.set(data, offset);
  return disk;
}

/** What was found, but for its names. */
async function found(disk: Buffer): Promise<readonly object[]> {
  const roots = await findRoots(reader(disk), disk.length);
  return roots.map(({ names: _names, ...place }) => place);
}

test("a root is found in a GPT, by its type before its size", async () => {
  const disk = withGpt([
    partitionType.efiSystem,
    "0fc63daf-8483-4772-8e79-3d69d8477de4",
    partitionType.linuxRoot,
  ]);
  put(disk, 4_096 * sector, "ext4");
  put(disk, 6_144 * sector, "xfs");
  assert.deepEqual(await found(disk), [
    { number: 3, offset: 6_144 * sector, size: 1 << 20, fileSystem: "xfs" },
    { number: 2, offset: 4_096 * sector, size: 1 << 20, fileSystem: "ext4" },
  ]);
});

test("a disk boots by UEFI where it has a partition for that and none for a BIOS", async () => {
  const { efiSystem, biosBoot, linuxRoot } = partitionType;
  const firmware = async (disk: Buffer): Promise<string> =>
    await firmwareFor(reader(disk), diskSize);
  assert.equal(await firmware(withGpt([efiSystem, linuxRoot])), "uefi");
  assert.equal(await firmware(withGpt([biosBoot, efiSystem, linuxRoot])), "bios");
  assert.equal(await firmware(withMbr([])), "bios");
  const damaged = withGpt([efiSystem, linuxRoot]);
  damaged.writeUInt8(0xff, 1_024);
  assert.equal(await firmware(damaged), "bios");
});

test("a root is found in an MBR and in its chain of logical partitions", async () => {
  const disk = withMbr([
    { type: 0x83, first: 2_048, count: 2_048 },
    { type: 0x05, first: 4_096, count: 8_192 },
  ]);
  mbr([
    { type: 0x83, first: 64, count: 1_024 },
    { type: 0x05, first: 2_048, count: 4_096 },
  ]).copy(disk, 4_096 * sector);
  mbr([{ type: 0x83, first: 64, count: 4_000 }]).copy(disk, 6_144 * sector);
  put(disk, 2_048 * sector, "ext4");
  put(disk, (6_144 + 64) * sector, "btrfs");
  assert.deepEqual(await found(disk), [
    { number: 6, offset: (6_144 + 64) * sector, size: 4_000 * sector, fileSystem: "btrfs" },
    { number: 1, offset: 2_048 * sector, size: 1 << 20, fileSystem: "ext4" },
  ]);
});

test("a file system without partitions is the whole disk", async () => {
  const disk = Buffer.alloc(diskSize);
  put(disk, 0, "ext4");
  const whole = { number: 0, offset: 0, size: diskSize, fileSystem: "ext4" };
  assert.deepEqual(await found(disk), [whole]);
});

test("file systems are known by the names that an fstab may have for them", async () => {
  const disk = withGpt([partitionType.linuxRoot]);
  const at = 2_048 * sector;
  put(disk, at, "ext4");
  disk.write("00112233445566778899aabbccddeeff", at + 1_024 + 0x68, "hex");
  disk.write("data", at + 1_024 + 0x78, "latin1");
  const [root] = await findRoots(reader(disk), diskSize);
  assert.deepEqual(root?.names, [
    "UUID=00112233-4455-6677-8899-aabbccddeeff",
    "LABEL=data",
    "PARTUUID=00000000-0000-4000-8000-000000000001",
    "PARTLABEL=any",
  ]);
  const old = withMbr([{ type: 0x83, first: 2_048, count: 2_048 }]);
  old.writeUInt32LE(0xabcd, 440);
  put(old, at, "xfs");
  const [partition] = await findRoots(reader(old), diskSize);
  assert.ok(partition?.names.includes("PARTUUID=0000abcd-01"));
});

test("a GPT of sectors of 4 KiB is read", async () => {
  const disk = withGpt([partitionType.linuxRoot]);
  const large = 4_096;
  const entries = disk.subarray(2 * sector, 2 * sector + 128 * 128);
  entries.writeBigUInt64LE(512n, 32);
  entries.writeBigUInt64LE(767n, 40);
  entries.copy(disk, 2 * large);
  const header = Buffer.from(disk.subarray(sector, sector + 92));
  disk.fill(0, sector, large);
  header.writeUInt32LE(crc32(disk.subarray(2 * large, 2 * large + 128 * 128)), 88);
  header.writeUInt32LE(0, 16);
  header.writeUInt32LE(crc32(header), 16);
  header.copy(disk, large);
  put(disk, 512 * large, "ext4");
  const root = { number: 1, offset: 512 * large, size: 256 * large, fileSystem: "ext4" };
  assert.deepEqual(await found(disk), [root]);
});

test("the mark of a file system that filled a disk before its partitions does not hide them", async () => {
  const disk = withMbr([{ type: 0x83, first: 2_048, count: 2_048 }]);
  put(disk, 0, "ext4");
  put(disk, 2_048 * sector, "xfs");
  const root = { number: 1, offset: 2_048 * sector, size: 1 << 20, fileSystem: "xfs" };
  assert.deepEqual(await found(disk), [root]);
  const locked = withMbr([{ type: 0x83, first: 2_048, count: 2_048 }]);
  put(locked, 0, "ext4");
  put(locked, 2_048 * sector, "luks");
  await assert.rejects(findRoots(reader(locked), diskSize), /LUKS encryption/);
  /* What stands where a table would be is the boot code of the file system. */
  const whole = withMbr([{ type: 0x83, first: 7, count: 0xfffffff0 }]);
  put(whole, 0, "btrfs");
  assert.deepEqual(await found(whole), [
    { number: 0, offset: 0, size: diskSize, fileSystem: "btrfs" },
  ]);
});

test("LVM, encryption and emptiness are refused by their names", async () => {
  for (const [kind, message] of [
    ["lvm", /LVM volumes/],
    ["luks", /LUKS encryption/],
  ] as const) {
    const disk = withMbr([{ type: 0x8e, first: 2_048, count: 2_048 }]);
    put(disk, 2_048 * sector, kind);
    await assert.rejects(findRoots(reader(disk), diskSize), message);
  }
  await assert.rejects(findRoots(reader(Buffer.alloc(diskSize)), diskSize), /no ext2/);
  for (const [at, mark, name] of [
    [0x4000 + 24, "version\0", /it has ZFS/],
    [0, "\u00fc\u004e\u002b\u00a9", /it has a RAID/],
    [3, "-FVE-FS-", /it has BitLocker encryption/],
    [0x8001, "CD001", /it has ISO 9660/],
  ] as const) {
    const disk = withMbr([{ type: 0, first: 0, count: 2_048 }]);
    disk.write(mark, at, "latin1");
    await assert.rejects(findRoots(reader(disk), diskSize), name);
  }
});

test("tables that lie are refused", async () => {
  const beyond = withMbr([{ type: 0x83, first: 2_048, count: 0xffffffff }]);
  await assert.rejects(findRoots(reader(beyond), diskSize), /is not on it/);
  const endless = withMbr([{ type: 0x05, first: 2_048, count: 8_192 }]);
  mbr([
    { type: 0x83, first: 64, count: 64 },
    { type: 0x05, first: 0, count: 64 },
  ]).copy(endless, 2_048 * sector);
  mbr([
    { type: 0x83, first: 64, count: 64 },
    { type: 0x05, first: 1, count: 64 },
  ]).copy(endless, 2_049 * sector);
  await assert.rejects(findRoots(reader(endless), diskSize), /is broken|has no end/);
  const changed = withGpt([partitionType.linuxRoot]);
  changed[1_024 + 40] = 0;
  await assert.rejects(findRoots(reader(changed), diskSize), /checksum of its partitions/);
  const many = withGpt([partitionType.linuxRoot]);
  many.writeUInt32LE(0xffffffff, sector + 80);
  const header = many.subarray(sector, sector + 92);
  assert.equal(header.length, 92);
  await assert.rejects(findRoots(reader(many), diskSize), /checksum of its partition table/);
});

test("whatever a table says, partitions are on the disk or it is refused in words", async () => {
  const edits = fc.array(fc.tuple(fc.nat(2_303), fc.integer({ min: 0, max: 255 })), {
    maxLength: 16,
  });
  const property = fc.asyncProperty(edits, fc.boolean(), async (changes, isGpt) => {
    const disk = isGpt
      ? withGpt([partitionType.linuxRoot, partitionType.efiSystem])
      : withMbr([
          { type: 0x83, first: 2_048, count: 2_048 },
          { type: 0x05, first: 1, count: 64 },
        ]);
    put(disk, 2_048 * sector, "ext4");
    for (const [at, value] of changes) disk[at] = value;
    try {
      if (isGpt) sealGpt(disk);
    } catch {
      /* The changes broke the table's own places: read it with its old sums. */
    }
    try {
      for (const { offset, size } of await findRoots(reader(disk), diskSize))
        assert.ok(offset >= 0 && size > 0 && offset + size <= diskSize);
    } catch (error) {
      assert.ok(isDuetError(error), String(error));
    }
  });
  await fc.assert(property, { numRuns: 150 });
});
