import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OutputTail } from "../../src/engine/build/output-tail.ts";

test("of what comes in pieces the last bytes are kept, whatever its pieces", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 60 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 64 }), (given, limit) => {
      const tail = new OutputTail(limit);
      for (const piece of given) tail.add(piece);
      assert.deepEqual(tail.bytes(), Buffer.concat(given).subarray(-limit));
    }),
  );
  const tail = new OutputTail(10);
  for (let at = 0; at < 5_000; at += 1) tail.add(Buffer.from(String(at % 10)));
  assert.equal(tail.bytes().toString(), "0123456789");
});
