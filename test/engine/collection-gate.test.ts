import assert from "node:assert/strict";
import { test } from "node:test";
import { CollectionGate } from "../../src/engine/images/collection-gate.ts";
import { canceled, never } from "../../src/kit/abort.ts";

test("pieces of work that keep content do not wait for each other", async () => {
  const gate = new CollectionGate();
  const slow = Promise.withResolvers<void>();
  const first = gate.keep(never, () => slow.promise);
  assert.equal(await gate.keep(never, async () => "second"), "second");
  slow.resolve();
  await first;
});

test("a collection asked for while content is kept is put off, and runs once after the last keeper", async () => {
  const gate = new CollectionGate();
  const slow = Promise.withResolvers<void>();
  const ran = Promise.withResolvers<void>();
  let runs = 0;
  const collect = async (): Promise<number> => {
    runs += 1;
    ran.resolve();
    return 7;
  };
  const keeping = gate.keep(never, () => slow.promise);
  assert.equal(await gate.collect(collect), undefined);
  assert.equal(await gate.collect(collect), undefined);
  assert.equal(runs, 0);
  slow.resolve();
  await keeping;
  await ran.promise;
  assert.equal(runs, 1);
  assert.equal(await gate.collect(collect), 7);
});

test("work waits for a collection under way, and gives up when it is aborted", async () => {
  const gate = new CollectionGate();
  const collecting = Promise.withResolvers<void>();
  const collection = gate.collect(() => collecting.promise);
  const controller = new AbortController();
  const impatient = gate.keep(controller.signal, async () => "never");
  controller.abort(canceled("test"));
  await assert.rejects(impatient, /test/);
  let isKept = false;
  const patient = gate.keep(never, async () => (isKept = true));
  await Promise.resolve();
  assert.equal(isKept, false);
  collecting.resolve();
  await Promise.all([collection, patient]);
  assert.equal(isKept, true);
});

test("a collection that fails does not block what comes after", async () => {
  const gate = new CollectionGate();
  await assert.rejects(
    gate.collect(async () => Promise.reject(new Error("disk"))),
    /disk/,
  );
  assert.equal(await gate.keep(never, async () => 1), 1);
  assert.equal(await gate.collect(async () => 2), 2);
});
