import { createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { unsupported } from "./failures.ts";

const chunkSize = 256 << 10;

/** The tar behind a body that may be compressed, told by its first bytes. */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  const held: Uint8Array[] = [];
  let size = 0;
  while (size < 6) {
    const item = await iterator.next();
    if (item.done === true) break;
    held.push(item.value);
    size += item.value.length;
  }
  const rest: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => iterator };
  const whole = joined(held, rest);
  const decoder = decoderOf(Buffer.concat(held));
  if (decoder === null) yield* whole;
  else yield* through(whole, decoder);
}

async function* joined(held: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>) {
  yield* held;
  yield* rest;
}

function decoderOf(start: Buffer): Gunzip | ZstdDecompress | null {
  const magic = start.toString("latin1", 0, 6);
  if (magic.startsWith("\x1f\x8b")) return createGunzip({ chunkSize });
  if (magic.startsWith("\x28\xb5\x2f\xfd")) return createZstdDecompress({ chunkSize });
  if (magic.startsWith("BZh") || magic.startsWith("\xfd7zXZ")) {
    throw unsupported("archives compressed with bzip2 or xz are not supported", "use gzip or zstd");
  }
  return null;
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  decoder: Gunzip | ZstdDecompress,
): AsyncGenerator<Uint8Array, void, undefined> {
  const output = new PassThrough();
  const done = pipeline(Readable.from(source), decoder, output);
  // The failure reaches the reader through `output`, which the pipeline destroys with it.
  done.catch(() => undefined);
  yield* output as AsyncIterable<Buffer>;
  await done;
}
