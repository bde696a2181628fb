import { crc32 } from "node:zlib";
import type { DiskPart } from "./fat.ts";

/** Type GUIDs (UEFI 2.10, 5.3.3; the discoverable partitions specification; GRUB's manual). */
export const partitionType = {
  biosBoot: "21686148-6449-6e6f-744e-656564454649",
  efiSystem: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  linuxRoot: "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
} as const;

export interface NewPartition {
  /** One of the type GUIDs. */
  readonly type: string;
  readonly id: string;
  readonly name: string;
  /** First and last sector of 512 bytes. */
  readonly first: number;
  readonly last: number;
}

export const sectorSize = 512;
const entryCount = 128;
const entrySize = 128;
const entrySectors = (entryCount * entrySize) / sectorSize;
const headerSize = 92;
/** The sectors at a disk's end that the second table takes. */
export const backupSectors = entrySectors + 1;

/**
 * The partition table of a disk of `sectors` sectors: protective MBR with `bootCode` (at most 440 bytes),
 * GPT, and its second copy at the end.
 */
export function gptParts(
  sectors: number,
  diskId: string,
  partitions: readonly NewPartition[],
  bootCode: Uint8Array,
): readonly DiskPart[] {
  const entries = Buffer.alloc(entryCount * entrySize);
  for (const [index, partition] of partitions.entries())
    writeEntry(entries, index * entrySize, partition);
  const last = sectors - 1;
  const primary = { own: 1, other: last, table: 2 };
  const backup = { own: last, other: 1, table: last - entrySectors };
  const header = (places: typeof primary): Buffer => gptHeader(places, sectors, diskId, entries);
  return [
    { offset: 0, data: protectiveMbr(sectors, bootCode) },
    { offset: sectorSize, data: header(primary) },
    { offset: 2 * sectorSize, data: entries },
    { offset: backup.table * sectorSize, data: entries },
    { offset: last * sectorSize, data: header(backup) },
  ];
}

function writeEntry(entries: Buffer, at: number, partition: NewPartition): void {
  guid(partition.type).copy(entries, at);
  guid(partition.id).copy(entries, at + 16);
  entries.writeBigUInt64LE(BigInt(partition.first), at + 32);
  entries.writeBigUInt64LE(BigInt(partition.last), at + 40);
  entries.write(partition.name.slice(0, 36), at + 56, "utf16le");
}

function gptHeader(
  places: { readonly own: number; readonly other: number; readonly table: number },
  sectors: number,
  diskId: string,
  entries: Buffer,
): Buffer {
  const header = Buffer.alloc(sectorSize);
  header.write("EFI PART", 0, "latin1");
  header.writeUInt32LE(0x10000, 8);
  header.writeUInt32LE(headerSize, 12);
  header.writeBigUInt64LE(BigInt(places.own), 24);
  header.writeBigUInt64LE(BigInt(places.other), 32);
  header.writeBigUInt64LE(BigInt(2 + entrySectors), 40);
  header.writeBigUInt64LE(BigInt(sectors - backupSectors - 1), 48);
  guid(diskId).copy(header, 56);
  header.writeBigUInt64LE(BigInt(places.table), 72);
  header.writeUInt32LE(entryCount, 80);
  header.writeUInt32LE(entrySize, 84);
  header.writeUInt32LE(crc32(entries), 88);
  header.writeUInt32LE(crc32(header.subarray(0, headerSize)), 16);
  return header;
}

/** One partition over all the disk, so that old tools see no free room (UEFI 2.10, 5.2.3). */
function protectiveMbr(sectors: number, bootCode: Uint8Array): Buffer {
  if (bootCode.length > 440) throw new RangeError("boot code takes at most 440 bytes");
  const mbr = Buffer.alloc(sectorSize);
  Buffer.from(bootCode).copy(mbr);
  mbr.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  mbr.writeUInt32LE(1, 454);
  mbr.writeUInt32LE(Math.min(sectors - 1, 0xffffffff), 458);
  mbr.writeUInt16LE(0xaa55, 510);
  return mbr;
}

/** The first three groups are little-endian (UEFI 2.10, appendix A). */
export function guid(text: string): Buffer {
  const plain = Buffer.from(text.replaceAll("-", ""), "hex");
  if (plain.length !== 16) throw new RangeError(`no GUID: ${text}`);
  plain.subarray(0, 4).reverse();
  plain.subarray(4, 6).reverse();
  plain.subarray(6, 8).reverse();
  return plain;
}
