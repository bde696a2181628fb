import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isDuetError } from "../../../src/kit/errors.ts";
import { encodeFields, FieldReader, type WireField } from "../../../src/kit/frames/fields.ts";
import { encodeFrame, FrameDecoder, type Frame } from "../../../src/kit/frames/frame.ts";

const limit = 1 << 20;

function isCorrupt(error: unknown): boolean {
  return isDuetError(error, "corrupt") && error.code === "PROTOCOL";
}

function decode(pieces: readonly Buffer[]): Frame[] {
  const decoder = new FrameDecoder(limit);
  const frames: Frame[] = [];
  for (const piece of pieces)
    decoder.push(piece, (frame) => frames.push({ ...frame, payload: Buffer.from(frame.payload) }));
  return frames;
}

describe("frames", () => {
  test("come out as they went in, however the bytes are cut", () => {
    const frame = fc.record(
      {
        type: fc.nat(0xffff),
        channel: fc.nat(0xffffffff),
        payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 6 }),
        fc.array(fc.nat(400), { maxLength: 12 }),
        (frames, cuts) => {
          let rest = Buffer.concat(
            frames.map((one) => encodeFrame(one.type, one.channel, one.payload)),
          );
          const pieces: Buffer[] = [];
          for (const cut of cuts) {
            pieces.push(rest.subarray(0, cut));
            rest = rest.subarray(cut);
          }
          assert.deepEqual(decode([...pieces, rest]), frames);
        },
      ),
    );
  });

  test("a payload over the limit is refused from its header on", () => {
    const header = Buffer.alloc(12);
    header.writeUInt32LE(limit + 1);
    assert.throws(() => decode([header]), isCorrupt);
    header.writeUInt32LE(0xffffffff);
    assert.throws(() => decode([header.subarray(0, 5), header.subarray(5)]), isCorrupt);
  });

  test("unknown flags are refused", () => {
    const frame = encodeFrame(1, 1, Buffer.alloc(0));
    frame[6] = 1;
    assert.throws(() => decode([frame]), isCorrupt);
  });

  test("any bytes either decode or are refused, and are never held beyond a frame", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (pieces) => {
        try {
          decode(pieces.map((piece) => Buffer.from(piece)));
        } catch (error) {
          assert.ok(isCorrupt(error));
        }
      }),
    );
  });
});

describe("fields", () => {
  test("numbers, texts, bytes, lists and groups come back", () => {
    const fields: WireField[] = [
      [1, 42],
      [2, "grüße"],
      [3, Buffer.from([0, 255])],
      [4, "one"],
      [4, "two"],
      [5, [[1, 7n]]],
      [5, []],
    ];
    const reader = new FieldReader(encodeFields(fields));
    assert.equal(reader.number(1), 42);
    assert.equal(reader.text(2), "grüße");
    assert.deepEqual([...(reader.bytes(3) ?? [])], [0, 255]);
    assert.deepEqual(reader.texts(4), ["one", "two"]);
    assert.deepEqual(
      reader.groups(5).map((group) => group.number(1, 0)),
      [7, 0],
    );
    assert.equal(reader.number(9, 3), 3);
  });

  test("missing, malformed and oversized values are refused", () => {
    const reader = new FieldReader(
      encodeFields([
        [1, "text"],
        [2, 2n ** 60n],
      ]),
    );
    assert.throws(() => reader.number(1), isCorrupt);
    assert.throws(() => reader.number(2), isCorrupt);
    assert.throws(() => reader.text(3), isCorrupt);
    assert.throws(() => new FieldReader(Buffer.from([1, 0, 5, 0, 0, 0, 1])), isCorrupt);
    assert.throws(() => new FieldReader(Buffer.from([1, 0, 5])), isCorrupt);
  });

  test("what cannot be sent is refused before it is", () => {
    for (const value of [-1, 0.5, Number.NaN, "with\0nul"]) {
      assert.throws(
        () => encodeFields([[1, value]]),
        (error) => isDuetError(error, "invalid"),
      );
    }
  });
});
