import { DuetError } from "./errors.ts";

/** What comes out of a decompression, up to `limit` bytes. Throws `too-large` DECOMPRESSED_TOO_LARGE. */
export async function* limited(
  output: AsyncIterable<Buffer>,
  limit: number,
): AsyncGenerator<Buffer, void, void> {
  let size = 0;
  for await (const chunk of output) {
    size += chunk.length;
    if (size > limit) {
      throw new DuetError(
        "too-large",
        "DECOMPRESSED_TOO_LARGE",
        `the content is over ${limit} bytes uncompressed`,
      );
    }
    yield chunk;
  }
}
