import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { crc32, gzipSync, zstdCompressSync } from "node:zlib";
import { decompress } from "../../src/kit/decompress.ts";
import { isDuetError } from "../../src/kit/errors.ts";
import { inChunks } from "./tar/samples.ts";

async function inflated(bytes: Buffer, step = 1 << 20, limit?: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  const options = limit === undefined ? {} : { limit };
  for await (const part of decompress(inChunks(bytes, step), options)) parts.push(part);
  return Buffer.concat(parts);
}

const text = Buffer.from("the quick brown fox ".repeat(20_000));

for (const [name, compress] of [
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
] as const) {
  test(`inflates ${name}, one member or several, in any chunks`, async () => {
    const packed = compress(text);
    assert.deepEqual(await inflated(packed), text);
    assert.deepEqual(await inflated(packed, 1_000), text);
    assert.deepEqual(await inflated(Buffer.concat([packed, packed])), Buffer.concat([text, text]));
    assert.deepEqual(
      await inflated(Buffer.concat([packed, packed]), 3),
      Buffer.concat([text, text]),
    );
  });

  test(`refuses ${name} that is cut off, damaged or followed by garbage (A19)`, async () => {
    const packed = compress(text);
    const damaged = Buffer.from(packed);
    damaged.fill(0x5a, Math.floor(packed.length / 2), Math.floor(packed.length / 2) + 20);
    const wrong = (error: unknown): boolean =>
      isDuetError(error, "corrupt") && error.code === "COMPRESSION_INVALID";
    await assert.rejects(inflated(packed.subarray(0, -5)), wrong);
    await assert.rejects(inflated(packed.subarray(0, 8)), wrong);
    await assert.rejects(inflated(damaged), wrong);
    await assert.rejects(inflated(Buffer.concat([packed, Buffer.from("garbage")])), wrong);
    await assert.rejects(inflated(Buffer.concat([packed, Buffer.from("garbage")]), 11), wrong);
  });

  test(`stops a ${name} bomb at the ceiling (A11)`, async () => {
    const bomb = compress(Buffer.alloc(64 << 20));
    await assert.rejects(inflated(bomb, 4_096, 1 << 20), (error) =>
      isDuetError(error, "too-large"),
    );
  });
}

test("gives uncompressed bytes as they are, the empty stream too", async () => {
  assert.deepEqual(await inflated(text, 1), text);
  assert.deepEqual(await inflated(Buffer.alloc(0)), Buffer.alloc(0));
  assert.deepEqual(await inflated(Buffer.from([0x1f])), Buffer.from([0x1f]));
});

test("passes on the source's own failure", async () => {
  const packed = gzipSync(text);
  async function* failing(): AsyncGenerator<Buffer, void, void> {
    yield packed.subarray(0, 100);
    throw new Error("disk on fire");
  }
  await assert.rejects(async () => {
    for await (const part of decompress(failing())) void part;
  }, /disk on fire/);
});

test("takes what the host's xz and bzip2 made, and refuses what is damaged or over the limit", async () => {
  for (const program of ["xz", "bzip2"]) {
    const packed = execFileSync(program, ["-c"], { input: text });
    assert.ok((await inflated(packed, 1_000)).equals(text), program);
    const damaged = packed.subarray(0, packed.length - 20);
    await assert.rejects(inflated(damaged, 1_000), { code: "COMPRESSION_INVALID" });
    const limited = async (): Promise<void> => {
      for await (const part of decompress(Readable.from([packed]), { limit: text.length - 1 }))
        void part;
    };
    await assert.rejects(limited, { code: "DECOMPRESSED_TOO_LARGE" });
  }
});

test("an xz content that wants gigabytes of memory is refused", async () => {
  const packed = execFileSync("xz", ["-c"], { input: "small" });
  // The block's header (xz file format, 3.1): its size, flags, the filter LZMA2 with a byte for the dictionary.
  const header = packed.subarray(12, 12 + (packed[12]! + 1) * 4);
  assert.deepEqual([...header.subarray(2, 4)], [0x21, 1]);
  header[4] = 40;
  header.writeUInt32LE(crc32(header.subarray(0, -4)), header.length - 4);
  await assert.rejects(inflated(packed), { code: "COMPRESSION_INVALID", message: /memory/ });
});

for (const compression of ["gzip", "xz", "bzip2"]) {
  test(`an abort while ${compression} content is not being read fails its reader and nothing else, and closes the source`, async (context) => {
    const unhandled: unknown[] = [];
    const keep = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", keep);
    context.after(() => void process.off("unhandledRejection", keep));
    const packed = execFileSync(compression, ["-c"], {
      input: randomBytes(2 << 20),
      maxBuffer: 4 << 20,
    });
    const stop = new AbortController();
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    async function* source(): AsyncGenerator<Buffer> {
      try {
        yield* inChunks(packed, 64 << 10);
      } finally {
        resolve();
      }
    }
    const content = decompress(source(), { signal: stop.signal });
    await content.next();
    stop.abort(new Error("enough"));
    // What nobody handles is told after the turn in which it failed.
    await new Promise((later) => setImmediate(later));
    await assert.rejects(async () => {
      while ((await content.next()).done !== true);
    }, /enough/);
    await closed;
    assert.deepEqual(unhandled, []);
  });
}

test("an abort before the first bytes closes the source", async () => {
  const stop = new AbortController();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  async function* source(): AsyncGenerator<Buffer> {
    try {
      yield Buffer.from([0x1f]);
      stop.abort(new Error("enough"));
      yield Buffer.from([0x8b]);
    } finally {
      resolve();
    }
  }
  await assert.rejects(decompress(source(), { signal: stop.signal }).next(), /enough/);
  await closed;
});
