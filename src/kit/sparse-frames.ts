import type { FileHandle } from "node:fs/promises";
import { DuetError } from "./errors.ts";
import { writeAll } from "./write-all.ts";

const block = 64 << 10;
const zeros = Buffer.alloc(block);
const headerSize = 12;

/** The media type of such a stream. */
export const sparseMediaType = "application/vnd.duet.sparse-file";

/**
 * A file's content without its aligned 64 KiB of zeros: frames of offset (u64), length (u32, little-endian)
 * and data; the last one has the file's size as its offset, and no data.
 */
export async function* sparseFrames(
  body: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, void> {
  let size = 0;
  for await (const bytes of body) {
    let begin = -1;
    for (let at = 0; at <= bytes.length;) {
      const end = Math.min(bytes.length, at + block - ((size + at) % block));
      const isHole = at === bytes.length || isZero(bytes.subarray(at, end));
      if (isHole && begin >= 0) {
        yield frameHeader(size + begin, at - begin);
        yield bytes.subarray(begin, at);
        begin = -1;
      }
      if (!isHole && begin < 0) begin = at;
      if (at === bytes.length) break;
      at = end;
    }
    size += bytes.length;
  }
  yield frameHeader(size, 0);
}

function isZero(bytes: Buffer): boolean {
  return zeros.compare(bytes, 0, bytes.length, 0, bytes.length) === 0;
}

function frameHeader(offset: number, length: number): Buffer {
  const header = Buffer.alloc(headerSize);
  header.writeBigUInt64LE(BigInt(offset), 0);
  header.writeUInt32LE(length, 8);
  return header;
}

/** Writes what frames say into an empty file. Throws `corrupt` STREAM_CUT where the last one is missing. */
export async function writeSparseFrames(
  file: FileHandle,
  frames: AsyncIterable<Buffer>,
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  let left = 0;
  let size: number | undefined;
  for await (const bytes of frames) {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (size === undefined && rest.length > 0) {
      if (left === 0) {
        if (rest.length < headerSize) break;
        offset = Number(rest.readBigUInt64LE(0));
        left = rest.readUInt32LE(8);
        rest = rest.subarray(headerSize);
        if (left === 0) size = offset;
        continue;
      }
      const piece = rest.subarray(0, left);
      await writeAll(file, piece, offset);
      rest = rest.subarray(piece.length);
      offset += piece.length;
      left -= piece.length;
    }
  }
  if (size === undefined)
    throw new DuetError("corrupt", "STREAM_CUT", "the daemon's answer ends too early");
  await file.truncate(size);
}
