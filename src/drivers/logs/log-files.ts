import { open, type FileHandle } from "node:fs/promises";
import { errnoOf } from "../../kit/errors.ts";

const blockSize = 64 << 10;
const newline = 0x0a;
const mostFiles = 10_000;

export interface LogFile {
  readonly handle: FileHandle;
  readonly inode: number;
}

/** Where reading begins: file `index` of the list, byte `offset`. */
export interface LogPosition {
  readonly index: number;
  readonly offset: number;
}

/** The files of a log that exist, oldest first, opened at once so that a rotation meanwhile loses none. */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  const files: LogFile[] = [];
  for (let number = 0; number < mostFiles; number += 1) {
    const file = await openLogFile(number === 0 ? path : `${path}.${number}`);
    if (file !== undefined) files.unshift(file);
    else if (number > 0) break;
  }
  return files;
}

export async function openLogFile(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, "r");
    return { handle, inode: (await handle.stat()).ino };
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The position `tail` lines before the end over all files; -1 is the very beginning. */
export async function tailPosition(files: readonly LogFile[], tail: number): Promise<LogPosition> {
  if (tail < 0) return { index: 0, offset: 0 };
  let missing = tail;
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const file = files[index];
    if (file === undefined) continue;
    const { size } = await file.handle.stat();
    if (missing === 0) return { index, offset: size };
    const { offset, found } = await lineStart(file, size, missing);
    if (found >= missing) return { index, offset };
    missing -= found;
  }
  return { index: 0, offset: 0 };
}

/** Offset of the start of the `count`th line from the end, and how many lines were found up to it. */
async function lineStart(
  file: LogFile,
  size: number,
  count: number,
): Promise<{ readonly offset: number; readonly found: number }> {
  const block = Buffer.alloc(blockSize);
  let found = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - blockSize);
    const { bytesRead } = await file.handle.read(block, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      const isEnd = block[at] === newline && start + at !== size - 1;
      if (!isEnd) continue;
      found += 1;
      if (found === count) return { offset: start + at + 1, found };
    }
    end = start;
  }
  return { offset: 0, found: size > 0 ? found + 1 : 0 };
}
