import assert from "node:assert/strict";
import { test } from "node:test";
import { DetachFilter, detachBytes } from "../../src/cli/session/detach-keys.ts";

test("Docker's spelling of keys becomes bytes", () => {
  assert.deepEqual([...detachBytes("ctrl-p,ctrl-q")], [16, 17]);
  assert.deepEqual([...detachBytes("a,ctrl-[,ctrl-@")], [97, 27, 0]);
  assert.throws(() => detachBytes("ctrl-,x"), { code: "BAD_DETACH_KEYS" });
});

test("the sequence detaches, also when it comes in pieces, and a broken one is sent on", () => {
  const filter = new DetachFilter(detachBytes("ctrl-p,ctrl-q"));
  assert.deepEqual([...filter.pass(Buffer.from("a\u0010")).bytes], [97]);
  assert.deepEqual([...filter.pass(Buffer.from("b")).bytes], [16, 98]);
  assert.deepEqual([...filter.pass(Buffer.from("\u0010\u0010")).bytes], [16]);
  assert.equal(filter.pass(Buffer.from("\u0011rest")).detached, true);
});
