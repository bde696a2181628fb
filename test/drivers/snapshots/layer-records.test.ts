import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { LayerRecords, type LayerRecord } from "../../../src/drivers/snapshots/layer-records.ts";
import { createLog } from "../../../src/kit/log.ts";

test("a layer that is removed while it is noted as flushed stays removed", async (context) => {
  const folder = await mkdtemp("/tmp/duet-records-");
  context.after(() => rm(folder, { recursive: true, force: true }));
  const records = new LayerRecords(folder);
  await records.load(createLog("test", () => undefined));
  const record: LayerRecord = {
    chain: `sha256:${"a".repeat(64)}`,
    parent: null,
    folder: await records.makeFolder(),
    size: 0,
    entries: 0,
    boot: records.boot,
    synced: false,
  };
  await records.put(record);
  await Promise.all([records.markSynced(record), records.delete(record.chain)]);
  assert.equal(records.get(record.chain), undefined);
  assert.deepEqual(await readdir(join(folder, "committed")), []);
});
