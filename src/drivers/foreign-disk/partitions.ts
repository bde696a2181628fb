import { crc32 } from "node:zlib";
import type { ForeignFileSystem, ForeignPartition } from "../../domain/foreign-disk.ts";
import { isDuetError } from "../../kit/errors.ts";
import { fileSystemNames, gptNames, mbrNames } from "./fstab-names.ts";
import { refused, unsupportedDisk, wide } from "./refused.ts";

/** Bytes of the disk as a machine sees them. */
export type ReadDisk = (offset: number, size: number) => Promise<Buffer>;

interface Span {
  readonly number: number;
  readonly offset: number;
  readonly size: number;
  /** GPT's kind as it stands on disk, in hexadecimal; "" of other tables. */
  readonly type: string;
  /** What its table calls it; as of ForeignPartition. */
  readonly names: readonly string[];
}

const sector = 512;
/** Sizes of sectors that a GPT may count in: its header is in the second one. */
const sectorSizes = [512, 4_096];
const mostPartitions = 128;
const protective = 0xee;
const extended: ReadonlySet<number> = new Set([0x05, 0x0f, 0x85]);
/** x86-64's root of the discoverable partitions specification, as it stands on disk. */
const rootType = "e3bc684fcde8b14d96e7fbcaf984b709";
/** UEFI's system partition, and the one in which GRUB lies for a BIOS. */
const systemType = "28732ac11ff8d211ba4b00a0c93ec93b";
const biosBootType = "4861682149646f6e744e656564454649";
const tableArea = 1 << 20;
/** From a partition's beginning, as far as its file system's mark may be. */
const markBytes = 72 << 10;

/**
 * Where a disk may have its root, the likeliest first: by its partition table (GPT, MBR), or the whole disk.
 * Throws `invalid` DISK_REFUSED for tables that contradict themselves, `unsupported` DISK_UNSUPPORTED
 * where there is no file system that Duet reads, with what there is instead.
 */
export async function findRoots(
  read: ReadDisk,
  diskSize: number,
): Promise<readonly ForeignPartition[]> {
  const spans = await readTable(read, diskSize);
  const found: (ForeignPartition & Span)[] = [];
  const others = new Set<string>();
  for (const span of spans) {
    /* The mark of a file system stays where a disk that had one was partitioned. */
    if (span.number === 0 && found.length + others.size > 0) break;
    const start = await read(span.offset, Math.min(markBytes, span.size));
    const kind = markOf(start);
    if (isReadable(kind)) {
      const names = [...fileSystemNames(start, kind), ...span.names];
      found.push({ ...span, fileSystem: kind, names });
    } else if (kind !== null) others.add(kind);
  }
  if (found.length === 0) throw nothingReadable(others);
  const sorted = found.toSorted(
    (one, other) => Number(isRoot(other)) - Number(isRoot(one)) || other.size - one.size,
  );
  return sorted.map(({ number, offset, size, fileSystem, names }) => {
    return { number, offset, size, fileSystem, names };
  });
}

function isRoot(span: Span): boolean {
  return span.type === rootType;
}

/** What a disk boots by: UEFI where it has a partition for that and none for a BIOS's boot loader. */
export async function firmwareFor(read: ReadDisk, diskSize: number): Promise<"bios" | "uefi"> {
  const spans = await readTable(read, diskSize).catch((error: unknown): readonly Span[] => {
    if (isDuetError(error, "invalid")) return [];
    throw error;
  });
  const types = new Set(spans.map(({ type }) => type));
  return types.has(systemType) && !types.has(biosBootType) ? "uefi" : "bios";
}

function nothingReadable(others: ReadonlySet<string>): Error {
  const names = [...others].join(", ");
  if (others.has("LVM"))
    return unsupportedDisk(
      "its file systems are in LVM volumes",
      "copy the root volume into a plain partition or a raw disk of its own, and import that",
    );
  return unsupportedDisk(
    `it has no ext2, ext3, ext4, xfs or btrfs file system${names === "" ? "" : ` · it has ${names}`}`,
  );
}

async function readTable(read: ReadDisk, diskSize: number): Promise<readonly Span[]> {
  const head = await read(0, Math.min(tableArea, diskSize));
  const whole: Span = { number: 0, offset: 0, size: diskSize, type: "", names: [] };
  const mark = markOf(head);
  /* A disc that boots as a disk too has a table of which nothing but the firmware's part is true. */
  if (head.length < sector || head.readUInt16LE(510) !== 0xaa55 || mark === "ISO 9660")
    return [whole];
  let spans: readonly Span[];
  try {
    spans = [0, 1, 2, 3].some((slot) => head[446 + slot * 16 + 4] === protective)
      ? readGpt(head)
      : await readMbr(head, read);
    for (const { offset, size, number } of spans)
      if (size < sector || offset < sector || offset + size > diskSize)
        throw refused(`its partition ${number} is not on it`);
  } catch (error) {
    if (mark !== null && isDuetError(error, "invalid")) return [whole];
    throw error;
  }
  return isReadable(mark) || spans.length === 0 ? [...spans, whole] : spans;
}

/** UEFI 2.10, 5.3. */
function readGpt(head: Buffer): readonly Span[] {
  const isAt = (at: number): boolean => head.toString("latin1", at, at + 8) === "EFI PART";
  const unit = sectorSizes.find((size) => head.length >= 2 * size && isAt(size));
  if (unit === undefined) throw refused("its partition table is missing");
  const size = head.readUInt32LE(unit + 12);
  if (size < 92 || size > sector) throw refused("its partition table has an impossible header");
  const header = Buffer.from(head.subarray(unit, unit + size));
  header.writeUInt32LE(0, 16);
  if (crc32(header) !== head.readUInt32LE(unit + 16))
    throw refused("the checksum of its partition table is wrong");
  const at = wide(header.readBigUInt64LE(72)) * unit;
  const count = header.readUInt32LE(80);
  const entrySize = header.readUInt32LE(84);
  if (entrySize < 128 || entrySize > 4_096 || entrySize % 8 !== 0 || count > 1_024)
    throw refused("its partition table has impossible entries");
  if (at < 2 * unit || at + count * entrySize > head.length)
    throw refused("its partition table is not at its beginning");
  if (crc32(head.subarray(at, at + count * entrySize)) !== header.readUInt32LE(88))
    throw refused("the checksum of its partitions is wrong");
  const spans: Span[] = [];
  for (let index = 0; index < count; index += 1) {
    const entry = head.subarray(at + index * entrySize, at + (index + 1) * entrySize);
    const type = entry.toString("hex", 0, 16);
    if (/^0+$/.test(type)) continue;
    const first = wide(entry.readBigUInt64LE(32));
    const last = wide(entry.readBigUInt64LE(40));
    spans.push({
      number: index + 1,
      offset: first * unit,
      size: (last - first + 1) * unit,
      type,
      names: gptNames(entry),
    });
    if (spans.length > mostPartitions) throw refused("it has too many partitions");
  }
  return spans;
}

async function readMbr(head: Buffer, read: ReadDisk): Promise<readonly Span[]> {
  const spans: Span[] = [];
  let chain = 0;
  for (let slot = 0; slot < 4; slot += 1) {
    const entry = entryAt(head, slot);
    if (entry.type === 0 || entry.count === 0) continue;
    if (extended.has(entry.type)) chain ||= entry.first;
    else spans.push(spanOf(head, slot + 1, entry.first, entry.count));
  }
  /* Each link of the chain has one partition, told from its own beginning, and the next link, told from the first's. */
  let at = chain;
  for (let number = 5; at !== 0; number += 1) {
    if (number > mostPartitions) throw refused("its chain of partitions has no end");
    const block = await read(at * sector, sector);
    if (block.length < sector || block.readUInt16LE(510) !== 0xaa55)
      throw refused("its chain of partitions is broken");
    const own = entryAt(block, 0);
    if (own.type !== 0 && own.count !== 0)
      spans.push(spanOf(head, number, at + own.first, own.count));
    const next = entryAt(block, 1);
    at = extended.has(next.type) && next.count !== 0 ? chain + next.first : 0;
  }
  return spans;
}

function entryAt(
  block: Buffer,
  slot: number,
): { readonly type: number; readonly first: number; readonly count: number } {
  const at = 446 + slot * 16;
  return {
    type: block[at + 4]!,
    first: block.readUInt32LE(at + 8),
    count: block.readUInt32LE(at + 12),
  };
}

function spanOf(head: Buffer, number: number, first: number, count: number): Span {
  const names = mbrNames(head, number);
  return { number, offset: first * sector, size: count * sector, type: "", names };
}

function isReadable(kind: string | null): kind is ForeignFileSystem {
  return kind === "ext4" || kind === "xfs" || kind === "btrfs";
}

interface Mark {
  readonly at: number;
  readonly bytes: string;
  readonly kind: string;
}

/** File systems and volumes by what stands at a place of theirs (blkid(8) knows the same). */
const marks: readonly Mark[] = [
  { at: 0, bytes: "LUKS\u00ba\u00be", kind: "LUKS encryption" },
  { at: 512 + 24, bytes: "LVM2 001", kind: "LVM" },
  { at: 4_096, bytes: "\u00fc\u004e\u002b\u00a9", kind: "a RAID" },
  { at: 0, bytes: "\u00fc\u004e\u002b\u00a9", kind: "a RAID" },
  { at: 3, bytes: "-FVE-FS-", kind: "BitLocker encryption" },
  { at: 4_096 + 24, bytes: "\u00c6\u0085\u0073\u00f6", kind: "bcache or bcachefs" },
  { at: 0, bytes: "XFSB", kind: "xfs" },
  { at: 0x10040, bytes: "_BHRfS_M", kind: "btrfs" },
  { at: 1_024 + 0x38, bytes: "\u0053\u00ef", kind: "ext4" },
  { at: 4_086, bytes: "SWAPSPACE2", kind: "swap" },
  { at: 0, bytes: "hsqs", kind: "squashfs" },
  { at: 0x4000 + 24, bytes: "version\0", kind: "ZFS" },
  { at: 1_024, bytes: "\u0010\u0020\u00f5\u00f2", kind: "f2fs" },
  { at: 0x10034, bytes: "ReIsEr", kind: "reiserfs" },
  { at: 0x8000, bytes: "JFS1", kind: "JFS" },
  { at: 32, bytes: "NXSB", kind: "APFS" },
  { at: 1_024, bytes: "H+", kind: "HFS+" },
  { at: 0x1055c, bytes: "\u0019\u0001\u0054\u0019", kind: "UFS" },
  { at: 3, bytes: "EXFAT   ", kind: "exFAT" },
  { at: 3, bytes: "NTFS    ", kind: "NTFS" },
  { at: 0x8001, bytes: "CD001", kind: "ISO 9660" },
  { at: 1_024, bytes: "\u00e2\u00e1\u00f5\u00e0", kind: "erofs" },
  { at: 82, bytes: "FAT32", kind: "FAT" },
  { at: 54, bytes: "FAT", kind: "FAT" },
];

/** What a partition begins as; null for nothing that is known. ext2 and ext3 are ext4's. */
export function markOf(start: Buffer): string | null {
  const found = marks.find(
    ({ at, bytes }) => start.toString("latin1", at, at + bytes.length) === bytes,
  );
  return found?.kind ?? null;
}
