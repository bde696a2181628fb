import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { Readable } from "node:stream";
import { DuetError } from "./errors.ts";

export type Compression = "none" | "gzip" | "zstd";

export interface DecompressOptions {
  /** Bytes of output at most; more is `too-large` DECOMPRESSED_TOO_LARGE. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  /** Told the compression once it is known. */
  detected?(compression: Compression): void;
}

/** zlib's default of 16 KiB makes three times the turns through the event loop. */
const chunkSize = 512 << 10;
const longestMagic = 4;
/** 128 MiB: what zstd itself refuses to go beyond unasked (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`). */
const largestZstdWindowLog = 27;

/** By the first bytes: gzip (RFC 1952), zstd frames and skippable frames (RFC 8878). */
export function detectCompression(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  if (start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd)
    return "zstd";
  if ((start[0]! & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18)
    return "zstd";
  return "none";
}

/**
 * The stream's content, uncompressed, whatever it was compressed with; members and frames one after
 * another are one content. Truncated, damaged or trailing bytes are `corrupt` COMPRESSION_INVALID.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const limit = options.limit ?? Number.MAX_SAFE_INTEGER;
  const input = new Peeked(source);
  const compression = detectCompression(await input.start(longestMagic));
  options.detected?.(compression);
  const output = compression === "none" ? input.chunks() : inflate(input, compression);
  let size = 0;
  for await (const chunk of output) {
    options.signal?.throwIfAborted();
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

async function* inflate(
  input: Peeked,
  compression: "gzip" | "zstd",
): AsyncGenerator<Buffer, void, void> {
  const engine =
    compression === "gzip"
      ? createGunzip({ chunkSize })
      : createZstdDecompress({
          chunkSize,
          params: { [constants.ZSTD_d_windowLogMax]: largestZstdWindowLog },
        });
  const feed = Readable.from(input.chunks(), { objectMode: false, highWaterMark: chunkSize });
  feed.on("error", (error) => engine.destroy(error));
  feed.pipe(engine);
  try {
    for await (const chunk of engine) yield chunk as Buffer;
  } catch (error) {
    throw isCompressionError(error) ? invalid(compression, error.message, error) : error;
  } finally {
    feed.destroy();
    engine.destroy();
  }
  if (engine.bytesWritten !== input.given) throw invalid(compression, "something follows its end");
}

function isCompressionError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(Z_|ZSTD_)/.test(String(error.code));
}

function invalid(compression: Compression, why: string, cause?: unknown): DuetError {
  return new DuetError(
    "corrupt",
    "COMPRESSION_INVALID",
    `the ${compression} stream is damaged: ${why}`,
    {
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** A stream whose first bytes can be looked at, and which counts what it gives. */
class Peeked {
  given = 0;
  private readonly iterator: AsyncIterator<Uint8Array>;
  private readonly held: Buffer[] = [];

  constructor(source: AsyncIterable<Uint8Array>) {
    this.iterator = source[Symbol.asyncIterator]();
  }

  async start(size: number): Promise<Buffer> {
    let have = 0;
    while (have < size) {
      const next = await this.iterator.next();
      if (next.done === true) break;
      this.held.push(view(next.value));
      have += next.value.length;
    }
    return Buffer.concat(this.held.slice(), Math.min(have, size));
  }

  async *chunks(): AsyncGenerator<Buffer, void, void> {
    try {
      for (const chunk of this.held.splice(0)) {
        this.given += chunk.length;
        yield chunk;
      }
      for (
        let next = await this.iterator.next();
        next.done !== true;
        next = await this.iterator.next()
      ) {
        this.given += next.value.length;
        yield view(next.value);
      }
    } finally {
      await this.iterator.return?.();
    }
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
