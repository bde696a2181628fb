import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { inflateSync } from "node:zlib";
import { grainBytes, grainsOf } from "../../../src/drivers/boot-disk/grains.ts";
import { Identifiers } from "../../../src/drivers/boot-disk/layout.ts";
import { streamVmdk } from "../../../src/drivers/boot-disk/stream-vmdk.ts";
import { vmdkDescriptor, vmdkIdentity } from "../../../src/drivers/boot-disk/vmdk-descriptor.ts";
import { confinedUser } from "../../../src/kit/confined.ts";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";

const sector = 512;
const gibibyte = 2 ** 30;
/** Over several tables, of which some are empty, and no whole number of grains. */
const size = 5 * gibibyte + 3 * sector;
const identity = vmdkIdentity(new Identifiers("a disk"));
const descriptor = vmdkDescriptor({
  kind: "streamOptimized",
  sectors: size / sector,
  file: "box-disk1.vmdk",
  identity,
});

describe("a stream-optimized VMDK", { timeout: 120_000 }, () => {
  let folder: string;
  let raw: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "duet-vmdk-"));
    raw = join(folder, "disk.raw");
    const file = await open(raw, "wx");
    await file.truncate(size);
    const text = Buffer.from("what a disk may hold, ".repeat(50_000));
    for (const at of [0, 700_000, 40 << 20, 3 * gibibyte + 12_345, size - 700])
      await file.write(text, 0, Math.min(text.length, size - at), at);
    /* Written zeros are no holes of the file, and no grains of the disk either. */
    await file.write(Buffer.alloc(1 << 20), 0, 1 << 20, gibibyte);
    await file.chown(confinedUser, confinedUser);
    await file.close();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function written(signal: AbortSignal): Promise<Buffer> {
    await using file = await open(raw, "r");
    const parts: Buffer[] = [];
    const disk = { sectors: size / sector, descriptor };
    for await (const part of streamVmdk(disk, grainsOf(file, size, signal), signal))
      parts.push(part);
    return Buffer.concat(parts);
  }

  test("has what the disk had for another program, and no fault that it knows", async () => {
    const path = join(folder, "disk.vmdk");
    await writeFile(path, await written(never));
    await run("qemu-img", ["check", "-q", "-f", "vmdk", path], { signal: never });
    const words = ["compare", "-f", "raw", "-F", "vmdk", raw, path];
    const { stdout } = await run("qemu-img", words, { signal: never });
    assert.match(stdout.toString(), /identical/);
  });

  test("can be read from its beginning to its end by its marks alone", async () => {
    const bytes = await written(never);
    assert.equal(bytes.readBigUInt64LE(56), 0xffff_ffff_ffff_ffffn, "the directory is at the end");
    assert.equal(bytes.readUInt32LE(8), 0x3_0001, "packed grains, with marks");
    const directory = new Map<number, number>();
    const grains: number[] = [];
    const kinds: number[] = [];
    let table: number[] = [];
    let at = Number(bytes.readBigUInt64LE(64)) * sector;
    for (let isEnd = false; !isEnd;) {
      const value = Number(bytes.readBigUInt64LE(at));
      const length = bytes.readUInt32LE(at + 8);
      const kind = bytes.readUInt32LE(at + 12);
      if (length > 0) {
        const content = inflateSync(bytes.subarray(at + 12, at + 12 + length));
        assert.equal(content.length, grainBytes, "VirtualBox takes no shorter one");
        table.push(at / sector);
        grains.push((value * sector) / grainBytes);
        at += Math.ceil((12 + length) / sector) * sector;
        continue;
      }
      kinds.push(kind);
      at += sector;
      if (kind === 1) {
        const entries = Array.from({ length: 512 }, (_, index) =>
          bytes.readUInt32LE(at + index * 4),
        ).filter((entry) => entry !== 0);
        assert.deepEqual(entries, table, "a table leads to the grains before it");
        directory.set(Math.floor(grains.at(-1)! / 512), at / sector);
        table = [];
      }
      if (kind === 2)
        for (let index = 0; index < value * 128; index++)
          assert.equal(bytes.readUInt32LE(at + index * 4), directory.get(index) ?? 0);
      if (kind === 3) {
        const header = Buffer.from(bytes.subarray(0, sector));
        header.writeBigUInt64LE(bytes.readBigUInt64LE(at + 56), 56);
        assert.deepEqual(bytes.subarray(at, at + sector), header, "the footer is the header");
        assert.equal(bytes.readUInt32LE(Number(bytes.readBigUInt64LE(at + 56)) * sector - 500), 2);
      }
      isEnd = kind === 0;
      at += value * sector;
    }
    assert.equal(at, bytes.length, "nothing is behind the end's mark");
    assert.deepEqual(
      grains,
      grains.toSorted((one, other) => one - other),
    );
    assert.ok(!grains.includes(gibibyte / grainBytes), "zeros are left out");
    assert.deepEqual(kinds, [1, 1, 1, 1, 2, 3, 0], "tables that hold something, and the end");
  });

  test("is the same file of the same disk, with an identity of the disk's", async () => {
    const first = await written(never);
    assert.ok(first.equals(await written(never)));
    const text = first.toString("latin1", sector, 21 * sector);
    assert.match(text, /^RDONLY 10485763 SPARSE "box-disk1.vmdk"$/m);
    assert.match(text, /^ddb\.geometry\.cylinders = "652"$/m);
    assert.match(text, new RegExp(`^CID=${identity.content.slice(24)}$`, "m"));
    assert.match(text, new RegExp(`^ddb\\.uuid\\.image = "${identity.uuid}"$`, "m"));
  });

  test("ends with the reason for which it is stopped", async () => {
    await using file = await open(raw, "r");
    const stop = new AbortController();
    const parts = streamVmdk(
      { sectors: size / sector, descriptor },
      grainsOf(file, size, stop.signal),
      stop.signal,
    );
    await parts.next();
    stop.abort(new Error("enough"));
    await assert.rejects(async () => {
      for await (const _ of parts);
    }, /enough/);
  });

  test("of an empty disk has a directory of nothing", async () => {
    const path = join(folder, "empty.vmdk");
    const none = (async function* () {})();
    const parts: Buffer[] = [];
    for await (const part of streamVmdk({ sectors: 2_048, descriptor }, none, never))
      parts.push(part);
    await writeFile(path, Buffer.concat(parts));
    await run("qemu-img", ["check", "-q", "-f", "vmdk", path], { signal: never });
    assert.equal((await readFile(path)).length, (128 + 1 + 1 + 1 + 1 + 1) * sector);
  });

  test("finds what a disk of more pieces than one list takes has", async () => {
    const path = join(folder, "pieces.raw");
    const end = 160 << 20;
    await using file = await open(path, "wx+");
    await file.truncate(end);
    await file.chown(confinedUser, confinedUser);
    const data = Buffer.alloc(4_096, 1);
    for (let at = 0; at < end; at += 2 * data.length) await file.write(data, 0, data.length, at);
    const [first, second] = [Buffer.alloc(grainBytes), Buffer.alloc(2 * data.length)];
    second.set(data);
    for (let at = 0; at < grainBytes; at += second.length) first.set(second, at);
    let count = 0;
    for await (const grain of grainsOf(file, end, never)) {
      assert.equal(grain.index, count++);
      assert.ok(grain.data.equals(first));
    }
    assert.equal(count, end / grainBytes);
  });
});
