import {
  constants,
  createGunzip,
  createZstdDecompress,
  type Gunzip,
  type ZstdDecompress,
} from "node:zlib";
import { never, race } from "./abort.ts";
import { limited } from "./decompress-limit.ts";
import {
  decompressByProgram,
  detectProgramCompression,
  type ProgramCompression,
} from "./decompress-program.ts";
import { DuetError } from "./errors.ts";

export type Compression = "none" | "gzip" | "zstd" | ProgramCompression;

export interface DecompressOptions {
  /** Bytes of output at most; more is `too-large` DECOMPRESSED_TOO_LARGE. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
  /** Told the compression once it is known. */
  detected?(compression: Compression): void;
}

/** zlib's default of 16 KiB makes three times the turns through the event loop. */
const chunkSize = 512 << 10;
const longestMagic = 6;
/** 128 MiB: what zstd itself refuses to go beyond unasked (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`). */
const largestZstdWindowLog = 27;

/** By the first bytes: gzip (RFC 1952), zstd frames and skippable frames (RFC 8878), xz and bzip2. */
export function detectCompression(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  if (start[0] === 0x28 && start[1] === 0xb5 && start[2] === 0x2f && start[3] === 0xfd)
    return "zstd";
  if ((start[0]! & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18)
    return "zstd";
  return detectProgramCompression(start) ?? "none";
}

/**
 * The stream's content, uncompressed, whatever it was compressed with; members and frames one after
 * another are one content. Truncated, damaged or trailing bytes are `corrupt` COMPRESSION_INVALID. For xz
 * and bzip2 the host's programs are run: `unavailable` PROGRAM_MISSING where there are none.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions = {},
): AsyncGenerator<Buffer, void, void> {
  const limit = options.limit ?? Number.MAX_SAFE_INTEGER;
  const input = new Peeked(source, options.signal ?? never);
  try {
    const start = await input.start(longestMagic);
    const compression = detectCompression(start);
    options.detected?.(compression);
    if (compression === "xz" || compression === "bzip2") {
      yield* decompressByProgram(input.chunks(), compression, limit, options.signal ?? never);
      return;
    }
    const output = compression === "none" ? input.chunks() : inflate(input, compression);
    for await (const chunk of limited(output, limit)) {
      options.signal?.throwIfAborted();
      yield chunk;
    }
  } finally {
    await input.close();
  }
}

/** Inflates member after member: a zstd engine ends with its frame, a gzip engine goes on by itself. */
async function* inflate(
  input: Peeked,
  compression: "gzip" | "zstd",
): AsyncGenerator<Buffer, void, void> {
  const source = input.chunks();
  let rest: Buffer | undefined;
  try {
    do {
      const member = new Member(compression, source, rest);
      yield* member.content();
      rest = member.rest;
      if (rest !== undefined && detectCompression(rest) !== compression) {
        throw invalid(compression, "something follows its end");
      }
    } while (rest !== undefined);
  } catch (error) {
    throw isCompressionError(error) ? invalid(compression, error.message, error) : error;
  } finally {
    await source.return();
  }
}

/** One run of an engine; `rest` is what it left of the last chunk that it was given. */
class Member {
  rest: Buffer | undefined;
  private readonly engine: Gunzip | ZstdDecompress;
  private readonly source: AsyncIterator<Buffer>;
  private first: Buffer | undefined;
  private given = 0;

  constructor(
    compression: "gzip" | "zstd",
    source: AsyncIterator<Buffer>,
    first: Buffer | undefined,
  ) {
    this.engine =
      compression === "gzip"
        ? createGunzip({ chunkSize })
        : createZstdDecompress({
            chunkSize,
            params: { [constants.ZSTD_d_windowLogMax]: largestZstdWindowLog },
          });
    this.source = source;
    this.first = first;
  }

  async *content(): AsyncGenerator<Buffer, void, void> {
    const { engine } = this;
    const feeding = this.feed().catch((error: unknown) => void engine.destroy(asError(error)));
    try {
      for await (const chunk of engine) yield chunk as Buffer;
      await feeding;
    } finally {
      engine.destroy();
    }
  }

  private async feed(): Promise<void> {
    for (;;) {
      const chunk = await this.next();
      if (chunk === undefined) break;
      this.given += chunk.length;
      if (!(await this.write(chunk))) return;
      const left = this.given - this.engine.bytesWritten;
      if (left <= 0) continue;
      this.rest = await this.longEnough(chunk.subarray(chunk.length - left));
      break;
    }
    this.engine.end();
  }

  /** False where the engine was given up. */
  private async write(chunk: Buffer): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const closed = (): void => resolve(false);
    this.engine.once("close", closed);
    this.engine.write(chunk, (error) => resolve(error === null || error === undefined));
    const written = await promise;
    this.engine.off("close", closed);
    return written && !this.engine.destroyed;
  }

  private async next(): Promise<Buffer | undefined> {
    const { first } = this;
    this.first = undefined;
    if (first !== undefined) return first;
    const next = await this.source.next();
    return next.done === true ? undefined : next.value;
  }

  /** At least a magic number's length, where the source has it. */
  private async longEnough(start: Buffer): Promise<Buffer> {
    let bytes = start;
    while (bytes.length < longestMagic) {
      const next = await this.source.next();
      if (next.done === true) break;
      bytes = Buffer.concat([bytes, next.value]);
    }
    return bytes;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function isCompressionError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^(Z_|ZSTD_)/.test(String(error.code));
}

function invalid(compression: Compression, why: string, cause?: unknown): DuetError {
  return new DuetError(
    "corrupt",
    "COMPRESSION_INVALID",
    `the ${compression} stream is damaged: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

/** A stream whose first bytes can be looked at. Aborting ends the wait for a source that gives nothing. */
class Peeked {
  private readonly iterator: AsyncIterator<Uint8Array>;
  private readonly signal: AbortSignal;
  private readonly held: Buffer[] = [];

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.iterator = source[Symbol.asyncIterator]();
    this.signal = signal;
  }

  async start(size: number): Promise<Buffer> {
    let have = 0;
    while (have < size) {
      const chunk = await this.next();
      if (chunk === undefined) break;
      this.held.push(chunk);
      have += chunk.length;
    }
    return Buffer.concat(this.held.slice(), Math.min(have, size));
  }

  async *chunks(): AsyncGenerator<Buffer, void, void> {
    yield* this.held.splice(0);
    for (let chunk = await this.next(); chunk !== undefined; chunk = await this.next()) {
      yield chunk;
    }
  }

  /** A source that is stuck cannot be waited for to end either. */
  async close(): Promise<void> {
    const closing = Promise.resolve(this.iterator.return?.());
    if (this.signal.aborted) closing.catch(() => undefined);
    else await closing;
  }

  private async next(): Promise<Buffer | undefined> {
    const next = await race(this.iterator.next(), this.signal);
    return next.done === true ? undefined : view(next.value);
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
