import { blockSize, tarInvalid } from "./entry.ts";

/** The fields of one 512-byte header (POSIX.1-2018 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format"). */
export interface HeaderBlock {
  readonly type: number;
  readonly name: Buffer;
  readonly linkName: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly modified: number;
  readonly userName: string;
  readonly groupName: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

const zero = 0x30;

/** undefined for a block of zeros. Throws TAR_INVALID on a wrong checksum or number. */
export function parseHeaderBlock(block: Buffer): HeaderBlock | undefined {
  if (!checkSum(block)) return undefined;
  const magic = block.toString("latin1", 257, 265);
  const posix = magic === "ustar\u000000";
  const gnu = magic === "ustar  \0";
  const prefix = posix ? textField(block, 345, 155) : emptyBuffer;
  const base = textField(block, 0, 100);
  return {
    type: block[156]!,
    name: prefix.length > 0 ? Buffer.concat([prefix, slash, base]) : Buffer.from(base),
    linkName: Buffer.from(textField(block, 157, 100)),
    mode: numberField(block, 100, 8) & 0o7777,
    uid: numberField(block, 108, 8),
    gid: numberField(block, 116, 8),
    size: numberField(block, 124, 12),
    modified: numberField(block, 136, 12, true),
    userName: posix || gnu ? textField(block, 265, 32).toString("utf8") : "",
    groupName: posix || gnu ? textField(block, 297, 32).toString("utf8") : "",
    deviceMajor: posix || gnu ? numberField(block, 329, 8) : 0,
    deviceMinor: posix || gnu ? numberField(block, 337, 8) : 0,
  };
}

const emptyBuffer = Buffer.alloc(0);
const slash = Buffer.from("/");

/** false for a block of zeros; throws where the stored sum is neither the unsigned nor the signed one. */
function checkSum(block: Buffer): boolean {
  let sum = 0;
  let high = 0;
  for (let index = 0; index < blockSize; index += 1) {
    const byte = block[index]!;
    sum += byte;
    high += byte >> 7;
  }
  if (sum === 0) return false;
  for (let index = 148; index < 156; index += 1) {
    sum -= block[index]! - 0x20;
    high -= block[index]! >> 7;
  }
  const stored = numberField(block, 148, 8);
  if (stored !== sum && stored !== sum - 256 * high) {
    throw tarInvalid("a header's checksum does not match, this is not a tar");
  }
  return true;
}

/** Bytes up to the first NUL, as a view. */
export function textField(block: Buffer, offset: number, length: number): Buffer {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end += 1;
  return block.subarray(offset, end);
}

/** Octal digits with leading and trailing spaces or NULs, or GNU base-256. */
export function numberField(block: Buffer, offset: number, length: number, signed = false): number {
  const first = block[offset]!;
  if ((first & 0x80) !== 0) return base256(block, offset, length, signed);
  let index = offset;
  const end = offset + length;
  while (index < end && (block[index] === 0x20 || block[index] === 0)) index += 1;
  let value = 0;
  for (; index < end; index += 1) {
    const byte = block[index]!;
    if (byte === 0x20 || byte === 0) break;
    if (byte < zero || byte > zero + 7) throw tarInvalid("a header's number is not octal");
    value = value * 8 + (byte - zero);
  }
  for (; index < end; index += 1) {
    if (block[index] !== 0x20 && block[index] !== 0)
      throw tarInvalid("a header's number is not octal");
  }
  return value;
}

function base256(block: Buffer, offset: number, length: number, signed: boolean): number {
  const negative = (block[offset]! & 0x40) !== 0;
  if (negative && !signed) throw tarInvalid("a header's number is negative");
  let value = negative ? -1n : 0n;
  for (let index = 0; index < length; index += 1) {
    const byte =
      index === 0 ? (block[offset]! & 0x7f) | (negative ? 0x80 : 0) : block[offset + index]!;
    value = (value << 8n) | BigInt(byte);
  }
  if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
    throw tarInvalid("a header's number is over 2⁵³");
  }
  return Number(value);
}
