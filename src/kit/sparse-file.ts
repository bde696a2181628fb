import type { FileHandle } from "node:fs/promises";
import { writeAll } from "./write-all.ts";

const block = 64 << 10;
const zeros = Buffer.alloc(block);

/**
 * Writes a stream into an empty file, with holes where aligned 64 KiB of it are zeros. Gives its bytes; the
 * file has that size.
 */
export async function writeSparse(
  file: FileHandle,
  body: AsyncIterable<Uint8Array>,
): Promise<number> {
  let size = 0;
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + block - ((size + at) % block));
      const piece = bytes.subarray(at, end);
      if (zeros.compare(piece, 0, piece.length, 0, piece.length) !== 0)
        await writeAll(file, piece, size + at);
      at = end;
    }
    size += bytes.length;
  }
  await file.truncate(size);
  return size;
}
