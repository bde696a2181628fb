import assert from "node:assert/strict";
import { test } from "node:test";
import { damaged } from "../../../src/engine/disks/damaged.ts";
import { canceled } from "../../../src/kit/abort.ts";
import { DuetError } from "../../../src/kit/errors.ts";

const never = new AbortController().signal;

test("a foreign file system that ends what reads it is damaged, whatever the machine could still say", () => {
  const lost = new DuetError("unavailable", "TREE_LINK_LOST", "the helper is gone");
  const found = damaged(lost, never);
  assert.equal(`${found?.class} ${found?.code}`, "invalid FILE_SYSTEM_DAMAGED");
  assert.match(found?.message ?? "", /is damaged.* ended over it$/);
  const said = damaged(new DuetError("internal", "TREE_FAILED", 'cannot read "": EIO'), never);
  assert.match(said?.message ?? "", /is damaged.* cannot read "": EIO$/);
});

test("what ends because nobody wants it any more, or fails otherwise, is not the disk's fault", () => {
  const lost = new DuetError("unavailable", "TREE_LINK_LOST", "the helper is gone");
  assert.equal(damaged(lost, AbortSignal.abort(canceled("the client is gone"))), undefined);
  assert.equal(damaged(new DuetError("unavailable", "NO_KERNEL", "none"), never), undefined);
});
