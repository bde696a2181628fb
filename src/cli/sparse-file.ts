import { open, rename, unlink } from "node:fs/promises";
import { Scope } from "../kit/scope.ts";
import { writeSparseFrames } from "../kit/sparse-frames.ts";

/** Writes frames to `path` as `writeStreamTo` writes a stream, with holes: a disk takes the room of what is on it. */
export async function writeSparseFile(path: string, frames: AsyncIterable<Buffer>): Promise<void> {
  await using scope = new Scope();
  const temporary = `${path}.${process.pid}.partial`;
  const file = await open(temporary, "wx", 0o600);
  scope.defer(() => unlink(temporary).catch(() => undefined));
  try {
    await writeSparseFrames(file, frames);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  scope.commit();
}
