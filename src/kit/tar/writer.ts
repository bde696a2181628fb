import { blockSize, type TarHeader, type TarKind } from "./entry.ts";
import { paxRecord } from "./pax.ts";

/** What a header needs to say; times, owners and attributes that ustar cannot hold go into a PAX header. */
export type TarHeaderInput = Pick<TarHeader, "kind" | "name" | "mode"> & Partial<TarHeader>;

/**
 * How a size of 8 GiB or more is told: by a PAX header, which every tar reads, or in the header itself in GNU's
 * base 256, for readers of appliances that know no PAX (VirtualBox's, src/VBox/Runtime/common/zip/tarvfs.cpp).
 */
export type LargeSizes = "pax" | "base-256";

/** A member to write. `content` must give exactly `size` bytes. */
export interface TarMember {
  readonly header: TarHeaderInput;
  readonly content?: AsyncIterable<Uint8Array> | Uint8Array;
}

const typeOfKind: Readonly<Record<TarKind, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};
const largestSmallId = 0o7777777;
const largestSmallSize = 0o77777777777;
const emptyName = Buffer.alloc(0);
const slash = Buffer.from("/");

/** Two blocks of zeros. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize);

/** Zeros from the end of a content of `size` bytes to the next block. */
export function tarPadding(size: number): Buffer {
  return tarEnd.subarray(0, (blockSize - (size % blockSize)) % blockSize);
}

/** The header of one member: one block, or a PAX header before it where ustar cannot hold a value. */
export function tarHeader(input: TarHeaderInput, largeSizes: LargeSizes = "pax"): Buffer {
  const name = input.kind === "directory" ? withSlash(input.name) : input.name;
  const linkName = input.linkName ?? emptyName;
  const size = input.kind === "file" ? (input.size ?? 0) : 0;
  const seconds = input.modifiedSeconds ?? 0;
  const nanoseconds = input.modifiedNanoseconds ?? 0;
  const records: Buffer[] = [];
  const split = splitName(name);
  if (split === undefined) records.push(paxRecord("path", name));
  if (linkName.length > 100) records.push(paxRecord("linkpath", linkName));
  const isLarge = size > largestSmallSize;
  if (isLarge && largeSizes === "pax") records.push(paxRecord("size", String(size)));
  if ((input.uid ?? 0) > largestSmallId) records.push(paxRecord("uid", String(input.uid)));
  if ((input.gid ?? 0) > largestSmallId) records.push(paxRecord("gid", String(input.gid)));
  if (nanoseconds !== 0 || seconds < 0 || seconds > largestSmallSize) {
    records.push(paxRecord("mtime", timeText(seconds, nanoseconds)));
  }
  for (const { name: key, value } of input.attributes ?? []) {
    records.push(paxRecord(Buffer.concat([Buffer.from("SCHILY.xattr."), key]), value));
  }
  const block = Buffer.alloc(blockSize);
  const parts = split ?? { prefix: emptyName, base: name.subarray(0, 100) };
  fillBlock(block, typeOfKind[input.kind], parts, linkName, {
    ...input,
    size,
    modifiedSeconds: seconds,
  });
  if (isLarge && largeSizes === "base-256") writeLargeSize(block, size);
  if (records.length === 0) return block;
  return Buffer.concat([paxHeader(Buffer.concat(records)), block]);
}

/** A whole archive as a stream. */
export async function* writeTar(
  members: AsyncIterable<TarMember> | Iterable<TarMember>,
  largeSizes: LargeSizes = "pax",
): AsyncGenerator<Buffer, void, void> {
  for await (const { header, content } of members) {
    yield tarHeader(header, largeSizes);
    const size = header.kind === "file" ? (header.size ?? 0) : 0;
    let written = 0;
    for await (const part of content instanceof Uint8Array ? [content] : (content ?? [])) {
      written += part.length;
      if (written > size) break;
      yield Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    }
    if (written !== size)
      throw new RangeError(`a tar member of ${size} bytes got ${written} bytes of content`);
    if (size % blockSize !== 0) yield tarPadding(size);
  }
  yield tarEnd;
}

function paxHeader(data: Buffer): Buffer {
  const block = Buffer.alloc(blockSize);
  const parts = { prefix: emptyName, base: Buffer.from("PaxHeaders.0/entry") };
  fillBlock(block, "x", parts, emptyName, { mode: 0o644, size: data.length });
  return Buffer.concat([block, data, tarPadding(data.length)]);
}

interface NameParts {
  readonly prefix: Buffer;
  readonly base: Buffer;
}

/** Splits at a slash so that it fits ustar's 155 + 100 bytes; undefined where it cannot. */
function splitName(name: Buffer): NameParts | undefined {
  if (name.length <= 100) return { prefix: emptyName, base: name };
  if (name.length > 256) return undefined;
  const at = name.indexOf(slash, name.length - 101);
  if (at <= 0 || at > 155 || at === name.length - 1) return undefined;
  return { prefix: name.subarray(0, at), base: name.subarray(at + 1) };
}

function fillBlock(
  block: Buffer,
  type: string,
  name: NameParts,
  linkName: Buffer,
  fields: Partial<TarHeader>,
): void {
  name.base.copy(block, 0);
  octal(block, 100, 8, (fields.mode ?? 0) & 0o7777);
  octal(block, 108, 8, fits(fields.uid, largestSmallId));
  octal(block, 116, 8, fits(fields.gid, largestSmallId));
  octal(block, 124, 12, fits(fields.size, largestSmallSize));
  octal(block, 136, 12, fits(fields.modifiedSeconds, largestSmallSize));
  block.write(type, 156, "latin1");
  linkName.copy(block, 157, 0, Math.min(linkName.length, 100));
  block.write("ustar\u000000", 257, "latin1");
  shortText(block, 265, fields.userName ?? "");
  shortText(block, 297, fields.groupName ?? "");
  octal(block, 329, 8, fits(fields.deviceMajor, largestSmallId));
  octal(block, 337, 8, fits(fields.deviceMinor, largestSmallId));
  name.prefix.copy(block, 345);
  writeSum(block);
}

/** Of all bytes, with spaces in its own place. */
function writeSum(block: Buffer): void {
  block.write("        ", 148, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

/** The highest bit says that the field's other bits are the number. */
function writeLargeSize(block: Buffer, size: number): void {
  block.fill(0, 124, 136);
  block[124] = 0x80;
  block.writeBigUInt64BE(BigInt(size), 128);
  writeSum(block);
}

function fits(value: number | undefined, largest: number): number {
  return value === undefined || value < 0 || value > largest ? 0 : value;
}

function octal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, offset, "latin1");
}

function shortText(block: Buffer, offset: number, text: string): void {
  const bytes = Buffer.from(text);
  if (bytes.length <= 31) bytes.copy(block, offset);
}

function withSlash(name: Buffer): Buffer {
  return name.at(-1) === 0x2f ? name : Buffer.concat([name, slash]);
}

function timeText(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  if (seconds >= 0) return `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
  const whole = -seconds - 1;
  return `-${whole}.${String(1_000_000_000 - nanoseconds).padStart(9, "0")}`;
}
