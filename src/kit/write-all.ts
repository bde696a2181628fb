import type { FileHandle } from "node:fs/promises";

/**
 * Writes all of `bytes` at `position`, or where the file stands. The system may take less at once: where a disk
 * gets full it takes what fits, and only the rest is refused.
 */
export async function writeAll(
  file: Pick<FileHandle, "write">,
  bytes: Uint8Array,
  position: number | null = null,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const place = position === null ? null : position + at;
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, place);
    if (bytesWritten === 0) throw new RangeError("the file takes no more");
    at += bytesWritten;
  }
}
