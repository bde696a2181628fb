import { open, type FileHandle } from "node:fs/promises";
import { errnoOf } from "../../kit/errors.ts";
import { expand, isCompressed } from "./compressed-log.ts";
import { nanosecondsOf, parseLogLine } from "./log-entry.ts";

const blockSize = 64 << 10;
const newline = 0x0a;
const mostFiles = 10_000;
const usualLine = 4 << 10;
/** No line of a shim is longer. */
const firstBlock = 256 << 10;

export interface LogFile {
  readonly handle: FileHandle;
  /** Bytes of whole lines that it had when it was opened. */
  readonly size: number;
  /** Once it was read. */
  firstLine?: string | undefined;
}

/**
 * What tells a file from others, whatever it is called by now and whether it is compressed: its first line, which has
 * its time to the nanosecond. An inode tells only one that has no line yet, since what is compressed or dropped gives
 * its inode to the next.
 */
export async function identify(file: LogFile): Promise<string> {
  file.firstLine ??=
    (await readFirstLine(file, usualLine)) ?? (await readFirstLine(file, firstBlock));
  return file.firstLine ?? `inode ${(await file.handle.stat()).ino}`;
}

/** Of at most `size` bytes; undefined where it is longer or not there yet. */
async function readFirstLine({ handle }: LogFile, size: number): Promise<string | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(size), 0, size, 0);
  const end = buffer.subarray(0, bytesRead).indexOf(newline);
  return end < 0 ? undefined : buffer.toString("latin1", 0, end);
}

/** Where reading begins: file `index` of the list, byte `offset`. */
export interface LogPosition {
  readonly index: number;
  readonly offset: number;
}

/** The files of a log that exist, oldest first, opened at once so that a rotation meanwhile loses none. */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  const files = new Map<string, LogFile>();
  for (let number = 0; number < mostFiles; number += 1) {
    const file = await openLogFile(number === 0 ? path : `${path}.${number}`);
    if (file === undefined) {
      if (number > 0) break;
      continue;
    }
    const identity = await identify(file);
    // A rotation meanwhile gave it the next number.
    if (files.has(identity)) await file.handle.close();
    else files.set(identity, file);
  }
  return [...files]
    .map(([identity, file]) => ({ file, time: timeOf(identity) }))
    .toReversed()
    .toSorted((one, other) => compareTimes(one.time, other.time))
    .map(({ file }) => file);
}

/** Of a first line, as text in which later is greater; "" where there is none. */
function timeOf(identity: string): string {
  return parseLogLine(identity)?.time ?? "";
}

/** A file without a line yet is the newest. */
function compareTimes(one: string, other: string): number {
  if (one === "" || other === "") return one === other ? 0 : one === "" ? 1 : -1;
  const [first, second] = [nanosecondsOf(one), nanosecondsOf(other)];
  return first === second ? 0 : first < second ? -1 : 1;
}

export async function openLogFile(path: string): Promise<LogFile | undefined> {
  try {
    const handle = await open(path, "r");
    if (!(await isCompressed(handle))) {
      return { handle, size: await wholeLines(handle, (await handle.stat()).size) };
    }
    try {
      const plain = await expand(handle, path);
      return { handle: plain, size: (await plain.stat()).size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** What was read while it was being written may end within a line. */
async function wholeLines(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.allocUnsafe(Math.min(size, blockSize));
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - block.length);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(newline);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

/** The position `tail` lines before the end over all files; -1 is the very beginning. */
export async function tailPosition(files: readonly LogFile[], tail: number): Promise<LogPosition> {
  if (tail < 0) return { index: 0, offset: 0 };
  let missing = tail;
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const file = files[index];
    if (file === undefined) continue;
    if (missing === 0) return { index, offset: file.size };
    const { offset, found } = await lineStart(file, missing);
    if (found >= missing) return { index, offset };
    missing -= found;
  }
  return { index: 0, offset: 0 };
}

/** Offset of the start of the `count`th line from the end, and how many lines were found up to it. */
async function lineStart(
  file: LogFile,
  count: number,
): Promise<{ readonly offset: number; readonly found: number }> {
  const { size } = file;
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
