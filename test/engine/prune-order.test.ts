import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheItem } from "../../src/engine/build/cache-records.ts";
import { inPruneOrder, leavesFirst } from "../../src/engine/build/prune-order.ts";

/** A step on `below`, used `usedAt`. */
function step(name: string, below: CacheItem | null, usedAt: number): CacheItem {
  const digest = `sha256:${name.padEnd(64, "0")}` as const;
  const layers = below?.kind === "entry" ? below.entry.diffIds : [];
  const parents = below === null ? [] : [below.record.id];
  const times = { createdAt: 0, usedAt, useCount: 1 };
  const about = { description: name, size: 1, ...times };
  return {
    kind: "entry",
    record: {
      ...{ id: name, parents, kind: "regular", isMutable: false, inUse: false, shared: false },
      ...about,
    },
    entry: {
      ...{ key: digest, kind: "regular", parents: [], layers: [], ...about },
      diffIds: [...layers, digest],
    },
  };
}

test("what is pruned goes by its use, but not before what stands on it", () => {
  const old = step("old", null, 1);
  const young = step("young", old, 5);
  const middle = step("middle", null, 3);
  const top = step("top", middle, 2);
  const order = inPruneOrder(leavesFirst([old, young, middle, top], () => true));
  assert.deepEqual(
    order.map(({ record }) => record.id),
    ["top", "middle", "young", "old"],
  );
});
