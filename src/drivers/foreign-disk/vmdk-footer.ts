import { refused, wide } from "./refused.ts";

const sector = 512;
const atEnd = 0xffff_ffff_ffff_ffffn;
const marker = { endOfStream: 0, footer: 3 } as const;
/** A VMDK's end is a footer's mark, the footer and the mark of the end, a sector each. */
export const footerBytes = 3 * sector;
/** Version, flags for packing, capacity, grains, tables: what both headers say, and readers take from the footer. */
const same = [
  { from: 0, to: 8, what: "version" },
  { from: 10, to: 12, what: "kind" },
  { from: 12, to: 20, what: "capacity" },
  { from: 20, to: 28, what: "grains" },
  { from: 44, to: 48, what: "tables" },
  { from: 77, to: 79, what: "compression" },
] as const;

/**
 * Of a VMDK made in one pass the header says that its directory is at the end, and a footer takes its place
 * ("Virtual Disk Format 5.0"): QEMU goes by the footer alone, so it may say nothing else. `tail` are the file's
 * last `footerBytes`. Throws `invalid` DISK_REFUSED.
 */
export function checkDirectory(head: Buffer, tail: Buffer, fileSize: number): void {
  const isAtEnd = head.readBigUInt64LE(56) === atEnd;
  /* QEMU counts back from whole sectors, and would find another footer. */
  if (isAtEnd && fileSize % sector !== 0) throw refused("its file is no whole number of sectors");
  const header = isAtEnd ? footerOf(tail) : head;
  for (const { from, to, what } of same)
    if (header.compare(head, from, to, from, to) !== 0)
      throw refused(`its two headers differ in their ${what}`);
  const perTable = wide(head.readBigUInt64LE(20)) * head.readUInt32LE(44);
  const tables = Math.ceil(wide(head.readBigUInt64LE(12)) / perTable);
  const directory = wide(header.readBigUInt64LE(56)) * sector;
  if (directory < sector || directory + tables * 4 > fileSize)
    throw refused("its directory is not in its file");
}

function footerOf(tail: Buffer): Buffer {
  if (tail.length < footerBytes) throw refused("it is cut short");
  const isMark = (at: number, type: number): boolean =>
    tail.readUInt32LE(at + 8) === 0 && tail.readUInt32LE(at + 12) === type;
  const end = footerBytes - sector;
  if (!isMark(0, marker.footer) || !isMark(end, marker.endOfStream))
    throw refused("it has no footer, or is cut short");
  return tail.subarray(sector, end);
}
