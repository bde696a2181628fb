import { constants, gzip } from "node:zlib";
import { availableParallelism } from "node:os";

/** Bytes of content in one member. */
const memberSize = 1 << 20;
/** Fast, not small. */
const options = { level: 1, strategy: constants.Z_DEFAULT_STRATEGY };

/**
 * A stream compressed as gzip members one after another (RFC 1952, 2.2), which any gunzip takes for one content.
 * Members are compressed side by side on zlib's threads. The same content gives the same bytes, however it
 * comes in chunks.
 */
export async function* gzipMembers(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const ahead = Math.min(4, availableParallelism()) + 1;
  const pending: Promise<Buffer>[] = [];
  try {
    let hasMember = false;
    for await (const block of blocks(source)) {
      hasMember = true;
      const member = compress(block);
      // Looked at in its turn.
      member.catch(() => undefined);
      pending.push(member);
      if (pending.length >= ahead) yield await pending.shift()!;
    }
    if (!hasMember) yield await compress(Buffer.alloc(0));
    while (pending.length > 0) yield await pending.shift()!;
  } finally {
    await Promise.allSettled(pending);
  }
}

/** Blocks of one size, but the last. */
async function* blocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let block = Buffer.allocUnsafeSlow(memberSize);
  let filled = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + memberSize - filled);
      block.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < memberSize) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(memberSize);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

async function compress(block: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  gzip(block, options, (error, zipped) => {
    if (error === null) resolve(zipped);
    else reject(error);
  });
  return await promise;
}
