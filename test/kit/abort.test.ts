import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { canceled, race } from "../../src/kit/abort.ts";

test("a race that was over before it began leaves no failure that nobody handles", async () => {
  const controller = new AbortController();
  controller.abort(canceled("the client went away"));
  const late = Promise.withResolvers<never>();
  // node:test fails a test in whose time a rejection goes unhandled.
  const read = (async () => await late.promise)();
  await assert.rejects(race(read, controller.signal), /the client went away/);
  late.reject(new Error("late"));
  await assert.rejects(late.promise, /late/);
  await readFile(import.meta.filename);
});

test("a race ends with what comes first, and as that does", async () => {
  const controller = new AbortController();
  assert.equal(await race(Promise.resolve(1), controller.signal), 1);
  await assert.rejects(race(Promise.reject(new Error("its own")), controller.signal), /its own/);
  const never = new Promise<void>(() => undefined);
  const ended = assert.rejects(race(never, controller.signal), /enough/);
  controller.abort(canceled("enough"));
  await ended;
});
