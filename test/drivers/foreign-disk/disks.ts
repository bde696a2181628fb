import { crc32 } from "node:zlib";

const sector = 512;

/** A qcow2 header that is well-formed; `change` makes it what a test wants. */
export function qcow2Head(change: (head: Buffer) => void = () => undefined): Buffer {
  const head = Buffer.alloc(64 << 10);
  head.write("QFI\u00fb", 0, "latin1");
  head.writeUInt32BE(3, 4);
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(1n << 30n, 24);
  head.writeUInt32BE(2, 36);
  head.writeBigUInt64BE(3n << 16n, 40);
  head.writeBigUInt64BE(1n << 16n, 48);
  head.writeUInt32BE(1, 56);
  head.writeUInt32BE(4, 96);
  head.writeUInt32BE(104, 100);
  change(head);
  return head;
}

const descriptor = [
  "# Disk DescriptorFile",
  "version=1",
  "CID=12345678",
  "parentCID=ffffffff",
  'createType="monolithicSparse"',
  'RW 2097152 SPARSE "disk.vmdk"',
  'ddb.adapterType = "lsilogic"',
].join("\n");

export function vmdkHead(
  text: (own: string) => string = (own) => own,
  change: (head: Buffer) => void = () => undefined,
): Buffer {
  const head = Buffer.alloc(64 << 10);
  head.write("KDMV", 0, "latin1");
  head.writeUInt32LE(1, 4);
  head.writeBigUInt64LE(2_097_152n, 12);
  head.writeBigUInt64LE(128n, 20);
  head.writeBigUInt64LE(1n, 28);
  head.writeBigUInt64LE(20n, 36);
  head.writeUInt32LE(512, 44);
  head.write(text(descriptor), sector, "latin1");
  change(head);
  return head;
}

export function vdiHead(change: (head: Buffer) => void = () => undefined): Buffer {
  const head = Buffer.alloc(64 << 10);
  head.writeUInt32LE(0xbeda107f, 0x40);
  head.writeUInt32LE(0x00010001, 0x44);
  head.writeUInt32LE(1, 0x4c);
  head.writeUInt32LE(512, 0x154);
  head.writeBigUInt64LE(1n << 30n, 0x170);
  head.writeUInt32LE(1 << 20, 0x178);
  head.writeUInt32LE(1_024, 0x180);
  change(head);
  return head;
}

export interface TestPartition {
  readonly type: number;
  readonly first: number;
  readonly count: number;
}

/** An MBR, or a link of a chain of logical partitions. */
export function mbr(entries: readonly TestPartition[]): Buffer {
  const block = Buffer.alloc(sector);
  for (const [slot, entry] of entries.entries()) {
    block[446 + slot * 16 + 4] = entry.type;
    block.writeUInt32LE(entry.first, 446 + slot * 16 + 8);
    block.writeUInt32LE(entry.count, 446 + slot * 16 + 12);
  }
  block.writeUInt16LE(0xaa55, 510);
  return block;
}

/** Writes the checksums of a GPT anew, of which a test has changed something. */
export function sealGpt(disk: Buffer): void {
  const at = Number(disk.readBigUInt64LE(sector + 72)) * sector;
  const size = disk.readUInt32LE(sector + 80) * disk.readUInt32LE(sector + 84);
  disk.writeUInt32LE(crc32(disk.subarray(at, at + size)), sector + 88);
  disk.writeUInt32LE(0, sector + 16);
  disk.writeUInt32LE(crc32(disk.subarray(sector, sector + 92)), sector + 16);
}
