import { open, type FileHandle } from "node:fs/promises";
import { reasonOf } from "../kit/errors.ts";
import { usageError } from "./flags.ts";

const chunkBytes = 1 << 20;

/** A file that the user named, as a stream. Throws `invalid` FILE_UNREADABLE before anything is asked of a daemon. */
export async function openInput(path: string): Promise<AsyncIterable<Uint8Array>> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw unreadable(path, error);
  }
  if ((await file.stat()).isDirectory()) {
    await file.close();
    throw usageError("FILE_UNREADABLE", `cannot read the file · it is a folder · ${path}`);
  }
  return file.createReadStream({ highWaterMark: chunkBytes });
}

/** For what failed at a file that the user named; other errors go on as they are. */
export function unreadable(path: string, error: unknown): unknown {
  const why = reasonOf(error);
  return why === undefined
    ? error
    : usageError("FILE_UNREADABLE", `cannot read the file · ${why} · ${path}`);
}
