import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AnswerCutter } from "../../../src/kit/tree/answer-cutter.ts";
import { treeAnswer, treeMaximumPayload } from "../../../src/kit/tree/operations.ts";

interface Sent {
  readonly type: number;
  readonly id: number;
  readonly offset: number;
  readonly data: Buffer;
}

function encode({ type, id, offset, data }: Sent): Buffer {
  const isContent = type === treeAnswer.content;
  const head = Buffer.alloc(isContent ? 20 : 12);
  head.writeUInt32LE(data.length + (isContent ? 8 : 0), 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt32LE(id, 8);
  if (isContent) head.writeBigUInt64LE(BigInt(offset), 12);
  return Buffer.concat([head, data]);
}

const sent: fc.Arbitrary<Sent> = fc.record({
  type: fc.constantFrom(treeAnswer.content, treeAnswer.entry, treeAnswer.ok),
  id: fc.integer({ min: 1, max: 9 }),
  offset: fc.integer({ min: 0, max: 2 ** 40 }),
  data: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
});

/** Pieces of one CONTENT, which follow each other without a gap, put together again. */
function received(chunks: readonly Buffer[]): readonly Sent[] {
  const cutter = new AnswerCutter();
  const whole: Sent[] = [];
  for (const chunk of chunks) {
    for (const { type, id, offset, payload } of cutter.cut(chunk)) {
      const last = whole.at(-1);
      const goesOn = type === treeAnswer.content && last?.type === type && last.id === id;
      if (goesOn && offset === last.offset + last.data.length && payload.length > 0)
        whole.splice(-1, 1, { ...last, data: Buffer.concat([last.data, payload]) });
      else whole.push({ type, id, offset, data: Buffer.from(payload) });
    }
  }
  return whole;
}

test("answers come out as they were sent, wherever the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(sent, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 }),
      (frames, sizes) => {
        // Neighbours that could be taken for pieces of one are told apart by their ids.
        const distinct = frames.map((frame, index) => ({ ...frame, id: index + 1 }));
        const bytes = Buffer.concat(distinct.map(encode));
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = sizes[turn % sizes.length]!;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const expected = distinct.map((frame) =>
          frame.type === treeAnswer.content ? frame : { ...frame, offset: 0 },
        );
        assert.deepEqual(received(chunks), expected);
      },
    ),
    { numRuns: 500 },
  );
});

test("an answer that is too large, or a content without its offset, is refused", () => {
  const large = Buffer.alloc(12);
  large.writeUInt32LE(treeMaximumPayload + 1, 0);
  large.writeUInt16LE(treeAnswer.entry, 4);
  assert.throws(() => [...new AnswerCutter().cut(large)], RangeError);
  const short = Buffer.alloc(24);
  short.writeUInt32LE(7, 0);
  short.writeUInt16LE(treeAnswer.content, 4);
  assert.throws(() => [...new AnswerCutter().cut(short)], RangeError);
});
