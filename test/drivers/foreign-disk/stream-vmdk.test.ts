import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Identifiers } from "../../../src/drivers/boot-disk/layout.ts";
import { grainBytes, type Grain } from "../../../src/drivers/boot-disk/grains.ts";
import { streamVmdk } from "../../../src/drivers/boot-disk/stream-vmdk.ts";
import { vmdkDescriptor, vmdkIdentity } from "../../../src/drivers/boot-disk/vmdk-descriptor.ts";
import type { ForeignDisks } from "../../../src/domain/foreign-disk.ts";
import { createForeignDisks } from "../../../src/drivers/foreign-disk/foreign-disk.ts";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { mbr } from "./disks.ts";

const sector = 512;
const size = 64 << 20;
const firstGrain = 128 * sector;

/** A disk with one ext4 partition, as far as one looks: two grains, a table and what is at the end. */
async function streamed(capacity = size): Promise<Buffer> {
  const first = Buffer.alloc(grainBytes);
  mbr([{ type: 0x83, first: 128, count: 2_048 }]).copy(first);
  const second = Buffer.alloc(grainBytes);
  second.writeUInt16LE(0xef53, 1_024 + 0x38);
  const grains = (async function* (): AsyncGenerator<Grain> {
    yield { index: 0, data: first };
    yield { index: 1, data: second };
  })();
  const sectors = capacity / sector;
  const identity = vmdkIdentity(new Identifiers("x"));
  const descriptor = vmdkDescriptor({ kind: "streamOptimized", sectors, file: "a", identity });
  const parts: Buffer[] = [];
  for await (const part of streamVmdk({ sectors, descriptor }, grains, never)) parts.push(part);
  return Buffer.concat(parts);
}

type Change = (disk: Buffer, footer: number) => void;

const refusals: readonly (readonly [what: string, change: Change, message: RegExp])[] = [
  ["no footer", (disk, footer) => disk.fill(0, footer - sector, footer), /no footer/],
  ["no mark of its end", (disk, footer) => disk.fill(1, footer + sector), /no footer/],
  [
    "another size at its end",
    (disk, footer) => disk.writeBigUInt64LE(1n << 50n, footer + 12),
    /differ in their capacity/,
  ],
  [
    "grains of 1 GiB at its end",
    (disk, footer) => disk.writeBigUInt64LE(1n << 21n, footer + 20),
    /differ in their grains/,
  ],
  [
    "one table for everything at its end",
    (disk, footer) => disk.writeUInt32LE(0x7fffffff, footer + 44),
    /differ in their tables/,
  ],
  [
    "a directory that is nowhere",
    (disk, footer) => disk.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, footer + 56),
    /directory is not in its file/,
  ],
  [
    "a directory behind its end",
    (disk, footer) => disk.writeBigUInt64LE(BigInt(disk.length / sector), footer + 56),
    /directory is not in its file/,
  ],
  ["a grain of no bytes", (disk) => disk.writeUInt32LE(0, firstGrain + 8), /cannot read it/],
  ["a grain of 4 GiB", (disk) => disk.writeUInt32LE(0xffffffff, firstGrain + 8), /cannot read it/],
  ["a grain of nonsense", (disk) => disk.fill(0xa5, firstGrain + 12, firstGrain + 500), /cannot/],
];

describe("a stream-optimized VMDK of somebody else's", { timeout: 120_000 }, () => {
  let folder: string;
  let disks: ForeignDisks;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "duet-foreign-"));
    disks = await createForeignDisks({ directory: folder, log: silentLog });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const body = async function* (disk: Buffer): AsyncGenerator<Buffer> {
    yield disk;
  };

  test("is taken as it is", async () => {
    await using disk = await disks.take(body(await streamed()), "vmdk", never);
    assert.deepEqual(
      disk.partitions.map(({ fileSystem }) => fileSystem),
      ["ext4"],
    );
  });

  for (const [what, change, message] of refusals) {
    test(`with ${what} is refused, and nothing of it stays`, async () => {
      const disk = await streamed();
      change(disk, disk.length - 2 * sector);
      await assert.rejects(disks.take(body(disk), "vmdk", never), (error) => {
        assert.ok(isDuetError(error, "invalid"), String(error));
        assert.match(error.message, message);
        return true;
      });
      assert.deepEqual(await readdir(folder), []);
    });
  }

  test("whose last sector is not whole is refused: QEMU would look elsewhere for its footer", async () => {
    const disk = await streamed();
    const end = disk.length - 3 * sector;
    const forged = Buffer.concat([disk.subarray(0, end), Buffer.alloc(1), disk.subarray(end)]);
    await assert.rejects(disks.take(body(forged), "vmdk", never), /no whole number of sectors/);
  });

  test("that shows one grain a terabyte long is read no further than is looked at", async () => {
    const capacity = 2 ** 40;
    const disk = await streamed(capacity);
    const footer = disk.length - 2 * sector;
    const directory = Number(disk.readBigUInt64LE(footer + 56)) * sector;
    const table = disk.readUInt32LE(directory);
    for (let at = 0; at < capacity / (32 << 20); at++)
      disk.writeUInt32LE(table, directory + at * 4);
    const second = disk.readUInt32LE(table * sector + 4);
    for (let at = 2; at < 512; at++) disk.writeUInt32LE(second, table * sector + at * 4);
    await using taken = await disks.take(body(disk), "vmdk", never);
    assert.equal(taken.partitions.length, 1);
  });
});
