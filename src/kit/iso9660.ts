/** A file of such a disk: of letters, digits, dots and hyphens, 28 of them at most. */
export interface IsoFile {
  readonly name: string;
  readonly content: Uint8Array;
}

const block = 2_048;
/** Blocks of the two descriptors, their end, and of each tree: its path table in both byte orders, and its folder. */
const place = {
  primary: 16,
  joliet: 17,
  end: 18,
  primaryTree: 19,
  jolietTree: 22,
  files: 25,
} as const;
const pathTableSize = 10;
const isFolder = 2;
/** The first second of 1970: the same files are the same disk. */
const noTime = Buffer.from([70, 1, 1, 0, 0, 0, 0]);
const noDate = Buffer.from(`${"0".repeat(16)}\0`);

/**
 * A disk of these files in one folder, in ISO 9660 (ECMA-119, level 2) and, for their names as they are written,
 * Joliet: what every system reads. The same files give the same bytes. Throws RangeError for other names, or
 * more than a folder of one block has room for.
 */
export function isoDisk(label: string, files: readonly IsoFile[]): Buffer {
  const sorted = files.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const placed: Placed[] = [];
  let next: number = place.files;
  for (const { name, content } of sorted) {
    if (!/^[A-Za-z0-9.-]{1,28}$/.test(name)) throw new RangeError(`no name for a disk: ${name}`);
    placed.push({ name, at: next, size: content.length });
    next += Math.ceil(content.length / block);
  }
  const disk = Buffer.alloc(next * block);
  const put = (bytes: Uint8Array, at: number): void => disk.set(bytes, at * block);
  const trees = [
    { ...primary, at: place.primary, tree: place.primaryTree },
    { ...joliet, at: place.joliet, tree: place.jolietTree },
  ];
  for (const { text, fileName, kind, at, tree } of trees) {
    put(descriptor(kind, text, label, next, tree), at);
    put(pathTable(tree, false), tree);
    put(pathTable(tree, true), tree + 1);
    put(folder(tree + 2, placed, fileName), tree + 2);
  }
  put(Buffer.from("\u00ffCD001\u0001", "latin1"), place.end);
  for (const [index, { content }] of sorted.entries()) put(content, placed[index]!.at);
  return disk;
}

interface Placed {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

/** Text in a field of `size` bytes, or as many as it has. */
type Text = (text: string, size?: number) => Buffer;

const primary = {
  kind: 1,
  text: (text: string, size = text.length) => Buffer.from(text.padEnd(size), "latin1"),
  fileName: (name: string) => Buffer.from(`${name.toUpperCase()}.;1`),
} as const;

const joliet = {
  kind: 2,
  /* UCS-2, big-endian; a field of an odd size ends in a zero byte. */
  text: (text: string, size = text.length * 2) => {
    const bytes = Buffer.from(text.padEnd(Math.floor(size / 2)), "utf16le").swap16();
    return Buffer.concat([bytes], size);
  },
  fileName: (name: string) => Buffer.from(name, "utf16le").swap16(),
} as const;

/** ECMA-119, 8.4; the escape sequence of a second one says Joliet's level 3. */
function descriptor(kind: number, text: Text, label: string, blocks: number, tree: number): Buffer {
  const bytes = Buffer.alloc(block);
  bytes[0] = kind;
  bytes.write("CD001\u0001", 1, "latin1");
  text("", 32).copy(bytes, 8);
  text(label, 32).copy(bytes, 40);
  both32(blocks).copy(bytes, 80);
  if (kind === joliet.kind) bytes.write("%/E", 88, "latin1");
  for (const [at, value] of [
    [120, 1],
    [124, 1],
    [128, block],
  ] as const)
    both16(value).copy(bytes, at);
  both32(pathTableSize).copy(bytes, 132);
  bytes.writeUInt32LE(tree, 140);
  bytes.writeUInt32BE(tree + 1, 148);
  record(Buffer.from([0]), tree + 2, block, isFolder).copy(bytes, 156);
  text("", 813 - 190).copy(bytes, 190);
  for (const at of [813, 830, 847, 864]) noDate.copy(bytes, at);
  bytes[881] = 1;
  return bytes;
}

/** The one folder is its own parent. */
function pathTable(tree: number, isBigEndian: boolean): Buffer {
  const bytes = Buffer.alloc(pathTableSize);
  bytes[0] = 1;
  if (isBigEndian) bytes.writeUInt32BE(tree + 2, 2);
  else bytes.writeUInt32LE(tree + 2, 2);
  bytes[isBigEndian ? 7 : 6] = 1;
  return bytes;
}

function folder(at: number, files: readonly Placed[], name: (name: string) => Buffer): Buffer {
  const own = record(Buffer.from([0]), at, block, isFolder);
  const parent = record(Buffer.from([1]), at, block, isFolder);
  const entries = files.map((file) => record(name(file.name), file.at, file.size, 0));
  const bytes = Buffer.concat([own, parent, ...entries]);
  if (bytes.length <= block) return bytes;
  throw new RangeError("too many files for a disk of one folder");
}

function record(name: Buffer, at: number, size: number, flags: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil((33 + name.length) / 2) * 2);
  bytes[0] = bytes.length;
  both32(at).copy(bytes, 2);
  both32(size).copy(bytes, 10);
  noTime.copy(bytes, 18);
  bytes[25] = flags;
  both16(1).copy(bytes, 28);
  bytes[32] = name.length;
  name.copy(bytes, 33);
  return bytes;
}

function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}

function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}
