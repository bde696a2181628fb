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
  for await (const together of messageBatches(source, limit)) yield* together;
}

/** The same, those that come together together: of thousands of small ones each costs less. None is empty. */
export async function* messageBatches(
  source: AsyncIterable<Buffer>,
  limit = maximumMessage,
): AsyncGenerator<readonly Buffer[]> {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = 5;
  for await (const chunk of source) {
    parts.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    const data = parts.length === 1 ? chunk : Buffer.concat(parts);
    const whole: Buffer[] = [];
    let position = 0;
    let failure: DuetError | undefined;
    for (;;) {
      wanted = 5;
      if (data.length - position < wanted) break;
      failure = refusalOf(data, position, limit);
      if (failure !== undefined) break;
      wanted += data.readUInt32BE(position + 1);
      if (data.length - position < wanted) break;
      whole.push(data.subarray(position + 5, position + wanted));
      position += wanted;
    }
    parts = [data.subarray(position)];
    size = data.length - position;
    if (whole.length > 0) yield whole;
    if (failure !== undefined) throw failure;
  }
  if (size > 0) throw invalidFrame("the stream ends in the middle of a message");
}

/** Why the message whose head is at `position` is not taken. */
function refusalOf(data: Buffer, position: number, limit: number): DuetError | undefined {
  if (data[position] !== 0) return invalidFrame("a message is compressed, which was not offered");
  const length = data.readUInt32BE(position + 1);
  return length > limit ? tooLarge(length, limit) : undefined;
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
