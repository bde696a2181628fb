import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inspectHead } from "../../../src/drivers/foreign-disk/headers.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { qcow2Head, vdiHead, vmdkHead } from "./disks.ts";

const fileSize = 1 << 20;
const size = 2 ** 30;

test("disks of each format that name nothing but themselves are taken", () => {
  assert.deepEqual(inspectHead(qcow2Head(), fileSize, null), { driver: "qcow2", size });
  assert.deepEqual(inspectHead(vmdkHead(), fileSize, null), { driver: "vmdk", size });
  assert.deepEqual(inspectHead(vdiHead(), fileSize, null), { driver: "vdi", size });
  const raw = { driver: "raw", size: fileSize };
  assert.deepEqual(inspectHead(Buffer.alloc(4_096), fileSize + 7, "raw"), raw);
});

test("a disk out of an appliance is taken, though its extent is not to be written to", () => {
  const exported = (text: string): string =>
    text.replace("monolithicSparse", "streamOptimized").replace("RW ", "RDONLY ");
  assert.deepEqual(inspectHead(vmdkHead(exported), fileSize, null), { driver: "vmdk", size });
});

const refusals: readonly (readonly [string, Buffer, RegExp])[] = [
  ["a backing file", qcow2Head((head) => head.writeBigUInt64BE(200n, 8)), /another file/],
  ["the name of a data file", extension(0x44415441), /another file for its data/],
  ["the format of a backing file", extension(0xe2792aca), /backing file/],
  ["data in another file", qcow2Head((head) => head.writeBigUInt64BE(4n, 72)), /in another file/],
  ["damage", qcow2Head((head) => head.writeBigUInt64BE(2n, 72)), /damaged/],
  ["encryption", qcow2Head((head) => head.writeUInt32BE(2, 32)), /encrypted/],
  ["eight exbibytes", qcow2Head((head) => head.writeBigUInt64BE(1n << 63n, 24)), /over 2 TiB/],
  ["a table of 32 GiB", qcow2Head((head) => head.writeUInt32BE(0xffffffff, 36)), /does not fit/],
  ["a table that is too short", qcow2Head((head) => head.writeUInt32BE(1, 36)), /does not fit/],
  ["clusters of 2 GiB", qcow2Head((head) => head.writeUInt32BE(31, 20)), /impossible size/],
  ["a header out of its file", qcow2Head((head) => head.writeUInt32BE(1 << 30, 100)), /impossible/],
  ["a VMDK's parent", vmdkHead((text) => text.replace("ffffffff", "00000001")), /another file/],
  [
    "a VMDK's extent elsewhere",
    vmdkHead((text) => text.replace('"disk.vmdk"', '"/etc/shadow"')),
    /names other files/,
  ],
  [
    "a flat extent",
    vmdkHead((text) => text.replace('SPARSE "disk.vmdk"', 'FLAT "/dev/sda" 0')),
    /names other files/,
  ],
  ["a second extent", vmdkHead((text) => `${text}\nRW 1 SPARSE "b.vmdk"`), /names other files/],
  ["a VMDK of pieces", vmdkHead((text) => text.replace("monolithic", "twoGbMaxExtent")), /several/],
  [
    "a VMDK without a capacity, whose descriptor would be read",
    vmdkHead(undefined, (head) => head.writeBigUInt64LE(0n, 12)),
    /no capacity/,
  ],
  [
    "a descriptor alone",
    Buffer.from("# Disk DescriptorFile\nversion=1\n".padEnd(600)),
    /several files/,
  ],
  ["a VDI's parent", vdiHead((head) => head.fill(1, 0x1a8, 0x1b8)), /another file/],
  ["a difference", vdiHead((head) => head.writeUInt32LE(4, 0x4c)), /difference/],
  [
    "a VDI's table out of its file",
    vdiHead((head) => head.writeUInt32LE(1 << 30, 0x154)),
    /cut short/,
  ],
  ["a packed disk", Buffer.from("\u001f\u008b\u0008".padEnd(600), "latin1"), /gzip/],
];

for (const [what, head, message] of refusals) {
  test(`a disk with ${what} is refused (G88, G90)`, () => {
    assert.throws(() => inspectHead(head, fileSize, null), message);
  });
}

test("a raw disk that begins like another format is refused", () => {
  assert.throws(() => inspectHead(qcow2Head(), fileSize, "raw"), /its beginning is that of qcow2/);
});

test("whatever a header says, it is taken with a size within limits or refused in words (G90)", () => {
  const heads = [qcow2Head(), vmdkHead(), vdiHead()];
  const changes = fc.array(fc.tuple(fc.nat(2_047), fc.integer({ min: 0, max: 255 })), {
    maxLength: 12,
  });
  const property = fc.property(fc.nat(2), changes, fc.nat(fileSize), (which, edits, end) => {
    const head = Buffer.from(heads[which]!.subarray(0, Math.max(end % 65_536, 1)));
    for (const [at, value] of edits) if (at < head.length) head[at] = value;
    try {
      const facts = inspectHead(head, fileSize, null);
      assert.ok(facts.size > 0 && facts.size <= 2 * 2 ** 40 && facts.size % 512 === 0);
    } catch (error) {
      assert.ok(isDuetError(error), String(error));
    }
  });
  fc.assert(property, { numRuns: 2_000 });
});

function extension(kind: number): Buffer {
  return qcow2Head((head) => {
    head.writeUInt32BE(kind, 104);
    head.writeUInt32BE(4, 108);
  });
}
