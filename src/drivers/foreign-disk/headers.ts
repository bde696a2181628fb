import { diskTooLarge, refused, unsupportedDisk, wide } from "./refused.ts";

/** How a file is read as a disk; always named to QEMU, so that its content chooses nothing. */
export type DiskDriver = "raw" | "qcow2" | "vmdk" | "vdi";

export interface DiskFacts {
  readonly driver: DiskDriver;
  /** Bytes that a machine sees. */
  readonly size: number;
}

/** How many bytes from its beginning are looked at: all that the checks need. */
export const headBytes = 256 << 10;
/** The largest disk that is taken; what its tables may be follows from it. */
export const largestDisk = 2 * 2 ** 40;
const sector = 512;

/**
 * What a file says it is, before any other program reads it (attack group G 88, 90): one that names
 * another file, or whose tables do not fit its size, is refused. `head` are its first bytes, `fileSize` all
 * of them. Throws `invalid` DISK_REFUSED, `too-large` DISK_TOO_LARGE, `unsupported` DISK_UNSUPPORTED.
 */
export function inspectHead(head: Buffer, fileSize: number, named: DiskDriver | null): DiskFacts {
  const found = driverOf(head);
  /* A raw disk that looks like another format is one whose guest wants its host to be fooled. */
  if (named !== null && named !== found)
    throw refused(`it was called ${named}, and its beginning is that of ${found}`);
  const facts = checks[found](head, fileSize);
  if (facts.size > largestDisk) throw diskTooLarge("it has over 2 TiB");
  if (facts.size < sector || facts.size % sector !== 0)
    throw refused(`${facts.size} bytes are no whole number of sectors`);
  return facts;
}

function driverOf(head: Buffer): DiskDriver {
  const text = head.toString("latin1", 0, 4);
  if (text === "QFI\u00fb") return "qcow2";
  if (text === "KDMV") return "vmdk";
  if (head.length >= 512 && head.readUInt32LE(0x40) === 0xbeda107f) return "vdi";
  if (text === "COWD" || /^# *Disk *DescriptorFile/i.test(head.toString("latin1", 0, 64)))
    throw refused("it is a VMDK that consists of several files; make one of it first");
  const other = otherFormats.find(([magic]) => head.toString("latin1", 0, magic.length) === magic);
  if (other !== undefined) throw unsupportedDisk(`it is of the format ${other[1]}`);
  return "raw";
}

/** Formats that QEMU would know: none of them is taken as a raw disk. */
const otherFormats: readonly (readonly [magic: string, name: string])[] = [
  ["vhdxfile", "VHDX"],
  ["conectix", "VHD"],
  ["QED\0", "QED"],
  ["LUKS\u00ba\u00be", "LUKS"],
  ["WithoutFreeSpace", "Parallels"],
  ["WithouFreSpacExt", "Parallels"],
  ["\u001f\u008b", "gzip"],
  ["\u00fd7zXZ\0", "xz"],
  ["\u0028\u00b5\u002f\u00fd", "zstd"],
  ["BZh", "bzip2"],
  ["PK\u0003\u0004", "zip"],
];

const checks: Readonly<Record<DiskDriver, (head: Buffer, fileSize: number) => DiskFacts>> = {
  raw: (_head, fileSize) => ({ driver: "raw", size: Math.floor(fileSize / sector) * sector }),
  qcow2: checkQcow2,
  vmdk: checkVmdk,
  vdi: checkVdi,
};

/** Incompatible features that change how data is read but name nothing: dirty, compression, extended L2. */
const harmless = (1n << 0n) | (1n << 3n) | (1n << 4n);
const dataFileExtension = 0x44415441;
const backingExtension = 0xe2792aca;
const largestL1 = 32 << 20;
const largestRefcountTable = 8 << 20;

/** docs/interop/qcow2.txt of QEMU. */
function checkQcow2(head: Buffer): DiskFacts {
  if (head.length < 104) throw refused("it is cut short");
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw unsupportedDisk(`qcow2 of version ${version}`);
  if (head.readBigUInt64BE(8) !== 0n || head.readUInt32BE(16) !== 0)
    throw refused("it builds on another file (a backing file); flatten it first");
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw refused("its clusters have an impossible size");
  const size = wide(head.readBigUInt64BE(24));
  if (size > largestDisk) throw diskTooLarge("it has over 2 TiB");
  if (head.readUInt32BE(32) !== 0) throw unsupportedDisk("it is encrypted");
  const l1Bytes = head.readUInt32BE(36) * 8;
  const extended = version === 3 && (head.readBigUInt64BE(72) & (1n << 4n)) !== 0n;
  const perEntry = (2 ** clusterBits / (extended ? 16 : 8)) * 2 ** clusterBits;
  if (l1Bytes > largestL1 || l1Bytes / 8 < Math.ceil(size / perEntry))
    throw refused("its first table does not fit its size");
  if (head.readUInt32BE(56) * 2 ** clusterBits > largestRefcountTable)
    throw refused("its table of references is too large");
  if (version === 3) checkFeatures(head, clusterBits);
  return { driver: "qcow2", size };
}

function checkFeatures(head: Buffer, clusterBits: number): void {
  const features = head.readBigUInt64BE(72);
  if ((features & (1n << 2n)) !== 0n) throw refused("its data are in another file");
  if ((features & (1n << 1n)) !== 0n) throw refused("it is marked as damaged");
  if ((features & ~harmless) !== 0n)
    throw unsupportedDisk("qcow2 with features that Duet does not know");
  const headerLength = head.readUInt32BE(100);
  const end = Math.min(head.length, 2 ** clusterBits);
  if (headerLength < 104 || headerLength > end)
    throw refused("its header has an impossible length");
  for (let at = headerLength; at + 8 <= end;) {
    const kind = head.readUInt32BE(at);
    if (kind === 0) return;
    if (kind === dataFileExtension) throw refused("it names another file for its data");
    if (kind === backingExtension) throw refused("it names the format of a backing file");
    at += 8 + Math.ceil(head.readUInt32BE(at + 4) / 8) * 8;
  }
}

/** VMware's Virtual Disk Format 1.1: a sparse extent with its descriptor inside. */
function checkVmdk(head: Buffer, fileSize: number): DiskFacts {
  if (head.length < sector) throw refused("it is cut short");
  const version = head.readUInt32LE(4);
  if (version < 1 || version > 3) throw unsupportedDisk(`VMDK of version ${version}`);
  const size = wide(head.readBigUInt64LE(12)) * sector;
  const grain = wide(head.readBigUInt64LE(20));
  const descriptorAt = wide(head.readBigUInt64LE(28)) * sector;
  const descriptorSize = wide(head.readBigUInt64LE(36)) * sector;
  /* Without a capacity QEMU reads the descriptor and opens the files that it names. */
  if (size === 0) throw refused("it has no capacity of its own");
  if (size > largestDisk) throw diskTooLarge("it has over 2 TiB");
  if (grain < 1 || grain > 2_048) throw refused("its grains have an impossible size");
  if (head.readUInt32LE(44) !== 512) throw refused("its tables have an impossible size");
  if (descriptorAt < sector || descriptorSize === 0 || descriptorSize > 64 << 10)
    throw refused("its descriptor is missing or too large");
  if (descriptorAt + descriptorSize > Math.min(head.length, fileSize))
    throw refused("its descriptor is not at its beginning");
  const text = head.toString("latin1", descriptorAt, descriptorAt + descriptorSize);
  checkDescriptor(text.replace(/\0[^]*$/, ""));
  return { driver: "vmdk", size };
}

function checkDescriptor(text: string): void {
  const value = (key: string): string | undefined =>
    new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*"?([^"\\r\\n]*)`, "im").exec(text)?.[1]?.trim();
  const kind = value("createType");
  if (kind !== "monolithicSparse" && kind !== "streamOptimized")
    throw refused(`VMDK of the kind ${JSON.stringify(kind ?? "")} consists of several files`);
  if (value("parentCID")?.toLowerCase() !== "ffffffff" || value("parentFileNameHint") !== undefined)
    throw refused("it builds on another file (a parent disk)");
  const extents = text.match(/^[ \t]*(RW|RDONLY|NOACCESS)[ \t].*$/gim) ?? [];
  const [extent = ""] = extents;
  if (
    extents.length !== 1 ||
    !/^[ \t]*(RW|RDONLY) \d+ SPARSE "[^"/\\]*"[ \t]*$/.test(extent.replace(/\r$/, ""))
  )
    throw refused("its descriptor names other files");
}

const vdiBlock = 1 << 20;
const noParent = Buffer.alloc(16);

/** VirtualBox's VDI 1.1. */
function checkVdi(head: Buffer, fileSize: number): DiskFacts {
  if (head.readUInt32LE(0x44) !== 0x00010001)
    throw unsupportedDisk("VDI of another version than 1.1");
  const kind = head.readUInt32LE(0x4c);
  if (kind !== 1 && kind !== 2) throw refused("it is a difference to another disk");
  const size = wide(head.readBigUInt64LE(0x170));
  if (size > largestDisk) throw diskTooLarge("it has over 2 TiB");
  if (head.readUInt32LE(0x178) !== vdiBlock)
    throw unsupportedDisk("VDI with blocks of another size");
  const blocks = head.readUInt32LE(0x180);
  if (blocks < Math.ceil(size / vdiBlock) || blocks > Math.ceil(size / vdiBlock) + 1)
    throw refused("its table does not fit its size");
  if (head.readUInt32LE(0x184) > blocks) throw refused("it has more blocks than it may");
  if (head.readUInt32LE(0x154) + blocks * 4 > fileSize) throw refused("it is cut short");
  const parents = [head.subarray(0x1a8, 0x1b8), head.subarray(0x1b8, 0x1c8)];
  if (parents.some((parent) => !parent.equals(noParent)))
    throw refused("it builds on another file (a parent disk)");
  return { driver: "vdi", size };
}
