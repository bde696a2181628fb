import assert from "node:assert/strict";
import { test } from "node:test";
import { parseByteSize } from "../../src/kit/byte-size.ts";

test("sizes are read as Docker's clients and daemon read them", () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["512", 512],
    ["512b", 512],
    ["64k", 64 << 10],
    ["64Kb", 64 << 10],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["1.55555m", 1_631_112],
    ["2 TB", 2 * 2 ** 40],
    ["1p", 2 ** 50],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseByteSize(text), bytes, text);
  assert.equal(parseByteSize("1.5MB", 1_000), 1_500_000);
});

test("what is no size is none", () => {
  for (const text of ["", "m", "-1", "1e3", "10ki", "10ib", "10bb", "1..5m", "1 024", "9999p"])
    assert.equal(parseByteSize(text), undefined, text);
});
