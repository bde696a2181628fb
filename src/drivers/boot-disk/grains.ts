import type { FileHandle } from "node:fs/promises";
import { runConfined } from "../../kit/confined.ts";
import { isDuetError } from "../../kit/errors.ts";

/** A VMDK's unit: 64 KiB at a multiple of that. */
export const grainBytes = 64 << 10;

export interface Grain {
  /** Its number on the disk. */
  readonly index: number;
  /** `grainBytes` of them, behind the disk's end zeros; not all of them are zeros. */
  readonly data: Buffer;
}

const grainsPerRead = 16;
const zeros = Buffer.alloc(grainBytes);

/** What of a raw disk is no zeros, in its order. Holes of its file are not read. */
export async function* grainsOf(
  disk: FileHandle,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Grain, void, void> {
  let next = 0;
  for await (const { start, end } of dataOf(disk, { start: 0, end: size }, signal)) {
    const last = Math.ceil(Math.min(end, size) / grainBytes);
    next = Math.max(next, Math.floor(start / grainBytes));
    while (next < last) {
      signal.throwIfAborted();
      const count = Math.min(grainsPerRead, last - next);
      const bytes = Buffer.alloc(count * grainBytes);
      const wanted = Math.min(bytes.length, size - next * grainBytes);
      const { bytesRead } = await disk.read(bytes, 0, wanted, next * grainBytes);
      if (bytesRead < wanted) throw new RangeError("the disk was cut while it was read");
      for (let at = 0; at < count; at++) {
        const data = bytes.subarray(at * grainBytes, (at + 1) * grainBytes);
        if (!data.equals(zeros)) yield { index: next + at, data };
      }
      next += count;
    }
  }
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the file has data, in `span`. `qemu-img` asks with SEEK_DATA, which Node cannot; it takes some 110 bytes to
 * tell of an extent, so where it has too much to say it is asked about each half.
 */
async function* dataOf(
  disk: FileHandle,
  span: Extent,
  signal: AbortSignal,
): AsyncGenerator<Extent, void, void> {
  let extents: readonly Extent[];
  try {
    extents = await mapOf(disk, span, signal);
  } catch (error) {
    const grains = Math.ceil((span.end - span.start) / grainBytes);
    if (!isDuetError(error, "too-large") || grains < 2) throw error;
    const middle = span.start + Math.floor(grains / 2) * grainBytes;
    yield* dataOf(disk, { start: span.start, end: middle }, signal);
    yield* dataOf(disk, { start: middle, end: span.end }, signal);
    return;
  }
  yield* extents;
}

async function mapOf(
  disk: FileHandle,
  { start, end }: Extent,
  signal: AbortSignal,
): Promise<readonly Extent[]> {
  const span = [`--start-offset=${start}`, `--max-length=${end - start}`];
  const { stdout } = await runConfined(
    ["qemu-img", "map", "--output=json", "-f", "raw", ...span, "/dev/fd/3"],
    { files: [disk.fd], largestFile: 0, signal },
  );
  const pieces = JSON.parse(stdout.toString()) as readonly {
    readonly start: number;
    readonly length: number;
    readonly zero: boolean;
  }[];
  return pieces
    .filter(({ zero }) => !zero)
    .map((piece) => ({ start: piece.start, end: piece.start + piece.length }));
}
