import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readJsonLines } from "../../src/client/json-lines.ts";
import { demultiplex } from "../../src/client/output-frames.ts";

function frame(stream: 1 | 2, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test("output frames come apart the same however they are cut", async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.uint8Array({ maxLength: 50 })));
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({ min: 1, max: 20 }), async (list, size) => {
      const bytes = Buffer.concat(list.map(([stream, data]) => frame(stream, data)));
      const collected = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      for await (const piece of demultiplex(cut(bytes, size)))
        collected[piece.stream].push(piece.bytes);
      for (const [name, number] of [
        ["stdout", 1],
        ["stderr", 2],
      ] as const) {
        const wanted = Buffer.concat(
          list.filter(([stream]) => stream === number).map(([, data]) => data),
        );
        assert.deepEqual(Buffer.concat(collected[name]), wanted);
      }
    }),
    { numRuns: 60 },
  );
});

test("a stream that ends in mid-frame, or holds what is no frame, is an error", async () => {
  const whole = frame(1, Buffer.from("hello"));
  await assert.rejects(drain(demultiplex(cut(whole.subarray(0, 10), 4))), { code: "STREAM_CUT" });
  await assert.rejects(drain(demultiplex(cut(Buffer.from("not a frame at all"), 4))), {
    code: "BAD_FRAME",
  });
});

test("JSON lines keep characters that a chunk's end splits", async () => {
  const bytes = Buffer.from('{"status":"Größe 10 €"}\n{"id":2}\n');
  const values: unknown[] = [];
  for await (const value of readJsonLines(cut(bytes, 3))) values.push(value);
  assert.deepEqual(values, [{ status: "Größe 10 €" }, { id: 2 }]);
});

async function drain(source: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of source);
}
