import { DuetError } from "../errors.ts";

/** Bytes of one message of gRPC; BuildKit's own limit. */
export const maximumMessage = 16 << 20;

/** A message in gRPC's frame: not compressed, and its length. */
export function frame(content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

/**
 * The messages in a stream of gRPC frames. Throws `invalid` GRPC_INVALID for one that is compressed or cut off, and
 * `too-large` GRPC_MESSAGE.
 */
export async function* messages(
  source: AsyncIterable<Buffer>,
  limit = maximumMessage,
): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = 5;
  for await (const chunk of source) {
    parts.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    let data = parts.length === 1 ? chunk : Buffer.concat(parts);
    for (;;) {
      if (data.length < 5) {
        wanted = 5;
        break;
      }
      if (data[0] !== 0) throw invalidFrame("a message is compressed, which was not offered");
      const length = data.readUInt32BE(1);
      if (length > limit) throw tooLarge(length, limit);
      wanted = 5 + length;
      if (data.length < wanted) break;
      yield data.subarray(5, wanted);
      data = data.subarray(wanted);
    }
    parts = [data];
    size = data.length;
  }
  if (size > 0) throw invalidFrame("the stream ends in the middle of a message");
}

function invalidFrame(why: string): DuetError {
  return new DuetError("invalid", "GRPC_INVALID", `not a gRPC stream: ${why}`);
}

function tooLarge(length: number, limit: number): DuetError {
  return new DuetError(
    "too-large",
    "GRPC_MESSAGE",
    `grpc: received message larger than max (${length} vs. ${limit})`,
  );
}
