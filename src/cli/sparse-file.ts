import { open, rename, unlink } from "node:fs/promises";
import { Scope } from "../kit/scope.ts";
import { writeSparse } from "../kit/sparse-file.ts";

/** Writes a stream to `path` as `writeStreamTo` does, with holes: a disk takes the room of what is on it. */
export async function writeSparseFile(path: string, body: AsyncIterable<Buffer>): Promise<void> {
  await using scope = new Scope();
  const temporary = `${path}.${process.pid}.partial`;
  const file = await open(temporary, "wx", 0o600);
  scope.defer(() => unlink(temporary).catch(() => undefined));
  try {
    await writeSparse(file, body);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  scope.commit();
}
