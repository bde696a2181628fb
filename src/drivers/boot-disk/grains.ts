import type { FileHandle } from "node:fs/promises";
import { runConfined } from "../../kit/confined.ts";

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
/** Of `qemu-img map`: some 130 bytes an extent. */
const largestMap = 64 << 20;

/** What of a raw disk is no zeros, in its order. Holes of its file are not read. */
export async function* grainsOf(
  disk: FileHandle,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Grain, void, void> {
  let next = 0;
  for (const { start, end } of await dataOf(disk, signal)) {
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

/** Where the file has data; `qemu-img` asks with SEEK_DATA, which Node cannot. */
async function dataOf(disk: FileHandle, signal: AbortSignal): Promise<readonly Extent[]> {
  const { stdout } = await runConfined(
    ["qemu-img", "map", "--output=json", "-f", "raw", "/dev/fd/3"],
    { files: [disk.fd], largestFile: 0, maxOutput: largestMap, signal },
  );
  const pieces = JSON.parse(stdout.toString()) as readonly {
    readonly start: number;
    readonly length: number;
    readonly zero: boolean;
  }[];
  return pieces
    .filter(({ zero }) => !zero)
    .map(({ start, length }) => ({ start, end: start + length }));
}
