import { open } from "node:fs/promises";
import { rename, unlink } from "node:fs/promises";
import { Scope } from "../kit/scope.ts";

const block = 64 << 10;
const zeros = Buffer.alloc(block);

/**
 * Writes a stream to `path` as `writeStreamTo` does, but leaves holes where 64 KiB of it are zeros: a disk
 * takes the room of what is on it.
 */
export async function writeSparseFile(path: string, body: AsyncIterable<Buffer>): Promise<void> {
  await using scope = new Scope();
  const temporary = `${path}.${process.pid}.partial`;
  const file = await open(temporary, "wx", 0o600);
  scope.defer(() => unlink(temporary).catch(() => undefined));
  scope.defer(() => file.close());
  let size = 0;
  for await (const bytes of body) {
    for (let at = 0; at < bytes.length;) {
      /* Pieces end where blocks of the file do, so that holes are found whatever the stream's chunks are. */
      const end = Math.min(bytes.length, at + block - ((size + at) % block));
      const piece = bytes.subarray(at, end);
      if (!piece.equals(zeros.subarray(0, piece.length)))
        await file.write(piece, 0, piece.length, size + at);
      at = end;
    }
    size += bytes.length;
  }
  await file.truncate(size);
  await file.close();
  await rename(temporary, path);
  scope.commit();
}
