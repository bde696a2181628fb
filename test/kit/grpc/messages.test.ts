import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isDuetError } from "../../../src/kit/errors.ts";
import { decode } from "../../../src/kit/grpc/decode.ts";
import { encode } from "../../../src/kit/grpc/encode.ts";
import { frame, messages } from "../../../src/kit/grpc/messages.ts";
import {
  bigint,
  bool,
  bytes,
  int,
  list,
  map,
  message,
  nested,
  string,
  type Message,
} from "../../../src/spec/protobuf.ts";

const inner = message({ name: string(1), size: int(2) });
const outer = message({
  text: string(1),
  data: bytes(2),
  flag: bool(3),
  count: int(4),
  nanoseconds: bigint(5),
  one: nested(6, inner),
  many: list(nested(7, inner)),
  words: map(8, string(2)),
  numbers: list(int(9)),
});

const plain = { noNullPrototype: true };
const innerValue = fc.record({ name: fc.string(), size: fc.maxSafeInteger() }, plain);
const outerValue = fc.record(
  {
    text: fc.string({ unit: "grapheme" }),
    data: fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
    flag: fc.boolean(),
    count: fc.maxSafeInteger(),
    nanoseconds: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    one: fc.option(innerValue, { nil: undefined }),
    many: fc.array(innerValue, { maxLength: 5 }),
    words: fc.dictionary(fc.string(), fc.string()).map((words) => new Map(Object.entries(words))),
    numbers: fc.array(fc.maxSafeInteger(), { maxLength: 5 }),
  },
  plain,
);

test("what is written is read again as it was", () => {
  fc.assert(
    fc.property(outerValue, (value) => {
      assert.deepEqual(decode(outer, encode(outer, value)), value);
    }),
  );
});

test("any bytes are read, or refused as no message", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (data) => {
      try {
        decode(outer, Buffer.from(data));
      } catch (error) {
        assert.ok(isDuetError(error, "invalid"), String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("fields that nobody described, and packed lists, are read as other writers write them", () => {
  const packed = Buffer.from([0x4a, 0x03, 0x01, 0x96, 0x01]);
  const unknown = Buffer.from([0xf8, 0x3f, 0x05, 0xfd, 0x3f, 1, 2, 3, 4]);
  assert.deepEqual(decode(outer, Buffer.concat([packed, unknown])).numbers, [1, 150]);
});

test("few bytes do not become much memory, nor deep calls", () => {
  const many = Buffer.alloc(1 << 20, Buffer.from([0x3a, 0x00]));
  assert.throws(() => decode(outer, many), /too many fields/);
  interface Tree {
    readonly child: Tree | undefined;
  }
  const tree: { fields: Record<string, unknown> } = { fields: {} };
  tree.fields["child"] = nested(1, tree as unknown as Message<unknown>);
  let deep = Buffer.alloc(0);
  for (let depth = 0; depth < 100; depth += 1) {
    deep = Buffer.concat([
      Buffer.from([0x0a, deep.length > 127 ? 127 : deep.length]),
      deep.subarray(0, 127),
    ]);
  }
  assert.throws(
    () => decode(tree as unknown as Message<Tree>, deep),
    /nested too deeply|ends early|longer/,
  );
});

async function read(parts: readonly Buffer[], limit?: number): Promise<string[]> {
  const found: string[] = [];
  const source = (async function* () {
    yield* parts;
  })();
  for await (const one of messages(source, limit)) found.push(one.toString());
  return found;
}

test("frames are put together however they are cut", async () => {
  const stream = Buffer.concat(
    ["a", "", "bcd", "e".repeat(40)].map((text) => frame(Buffer.from(text))),
  );
  const bytesEach = Array.from(stream, (byte) => Buffer.from([byte]));
  for (const parts of [[stream], bytesEach, [stream.subarray(0, 7), stream.subarray(7)]]) {
    assert.deepEqual(await read(parts), ["a", "", "bcd", "e".repeat(40)]);
  }
});

test("frames that are compressed, too large or cut off are refused", async () => {
  await assert.rejects(read([Buffer.from([1, 0, 0, 0, 0])]), /compressed/);
  await assert.rejects(read([Buffer.from([0, 255, 255, 255, 255])]), /larger than max/);
  await assert.rejects(read([frame(Buffer.from("abcdef"))], 5), /larger than max \(6 vs\. 5\)/);
  await assert.rejects(
    read([frame(Buffer.from("abc")).subarray(0, 6)]),
    /in the middle of a message/,
  );
});
