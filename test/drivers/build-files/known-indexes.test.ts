import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ContextIndex } from "../../../src/drivers/build-files/context-index.ts";
import { KnownIndexes } from "../../../src/drivers/build-files/known-indexes.ts";
import { temporaryFolder } from "../../native/rootfs/binary.ts";

function indexOf(count: number): ContextIndex {
  const index = new ContextIndex();
  const file = {
    ...{ mode: 0o100644, uid: 0, gid: 0, size: 1, modifiedAt: 1n },
    ...{ link: Buffer.alloc(0), attributes: [], digest: null },
  };
  for (let at = 0; at < count; at += 1) index.put({ ...file, path: Buffer.from(`f${at}`) });
  return index;
}

test("the indexes that were used last are held as far as they fit together, and of the others their notes", async (t) => {
  const folder = temporaryFolder(t);
  const known = new KnownIndexes(1_000);
  const place = (name: string): string => join(folder, name);
  const remember = async (name: string, count: number): Promise<void> => {
    writeFileSync(place(name), name);
    await known.remember(place(name), indexOf(count), null);
  };
  const held = async (...names: readonly string[]): Promise<readonly (number | null)[]> => {
    const counts: (number | null)[] = [];
    for (const name of names) {
      const found = await known.get(place(name));
      assert.ok(found !== undefined && found.note.size > 0);
      counts.push(found.index?.count ?? null);
    }
    return counts;
  };
  await remember("large", 600);
  await remember("middle", 300);
  assert.deepEqual(await held("large", "middle"), [600, 300]);
  await remember("small", 200);
  assert.deepEqual(await held("large", "middle", "small"), [null, 300, 200]);
  await remember("huge", 1_001);
  assert.deepEqual(await held("huge", "middle", "small"), [null, 300, 200]);
  rmSync(place("small"));
  assert.equal(await known.get(place("small")), undefined);
});
