import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { sparseFrames, writeSparseFrames } from "../../src/kit/sparse-frames.ts";
import { writeSparse } from "../../src/kit/sparse-file.ts";
import { inChunks } from "./tar/samples.ts";

async function fileOf(
  context: TestContext,
  write: (file: Awaited<ReturnType<typeof open>>) => Promise<unknown>,
): Promise<{ readonly content: Buffer; readonly blocks: number }> {
  const folder = await mkdtemp(join(tmpdir(), "duet-sparse-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "file");
  await using file = await open(path, "wx+");
  await write(file);
  return { content: await readFile(path), blocks: (await file.stat()).blocks };
}

async function framesOf(content: Buffer, step: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of sparseFrames(inChunks(content, step))) parts.push(part);
  return Buffer.concat(parts);
}

test("a file comes through frames as it was, whatever the chunks are", async (context) => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.nat(9), fc.nat(90_000)), { maxLength: 5 }),
    fc.integer({ min: 900, max: 300_000 }),
    fc.integer({ min: 5, max: 300_000 }),
    async (runs, step, otherStep) => {
      const content = Buffer.concat(runs.map(([value, size]) => Buffer.alloc(size, value)));
      const frames = await framesOf(content, step);
      const sent = await fileOf(context, (file) =>
        writeSparseFrames(file, inChunks(frames, otherStep)),
      );
      assert.ok(sent.content.equals(content));
      const direct = await fileOf(context, (file) => writeSparse(file, inChunks(content, step)));
      assert.ok(direct.content.equals(content));
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

test("zeros are neither sent nor written", async (context) => {
  const content = Buffer.alloc(8 << 20);
  content.fill(1, 3 << 20, (3 << 20) + 10);
  const frames = await framesOf(content, 1 << 20);
  assert.ok(frames.length < 70_000);
  const { blocks } = await fileOf(context, (file) =>
    writeSparseFrames(file, inChunks(frames, 1_000)),
  );
  assert.ok(blocks * 512 < 200_000);
});

test("frames that end too early are no file", async (context) => {
  const frames = await framesOf(Buffer.alloc(100, 1), 100);
  await assert.rejects(
    fileOf(context, (file) => writeSparseFrames(file, inChunks(frames.subarray(0, -12), 50))),
    /ends too early/,
  );
});

/** The file as one on a disk that is nearly full: it takes some of what it is given. */
function takingLittle(file: FileHandle): FileHandle {
  return new Proxy(file, {
    get: (target, name) => {
      if (name !== "write") return Reflect.get(target, name).bind(target) as unknown;
      return (bytes: Buffer, at: number, length: number, position: number | null) =>
        target.write(bytes, at, Math.min(length, 10_007), position);
    },
  });
}

test("what a write leaves over is written, too", async (context) => {
  const content = Buffer.concat([
    Buffer.alloc(100_000, 1),
    Buffer.alloc(200_000),
    Buffer.from([2]),
  ]);
  const plain = await fileOf(context, (file) =>
    writeSparse(takingLittle(file), inChunks(content, 70_000)),
  );
  assert.ok(plain.content.equals(content));
  const frames = await framesOf(content, 70_000);
  const sent = await fileOf(context, (file) =>
    writeSparseFrames(takingLittle(file), inChunks(frames, 70_000)),
  );
  assert.ok(sent.content.equals(content));
});
