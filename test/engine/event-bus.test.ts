import assert from "node:assert/strict";
import { test } from "node:test";
import { canceled } from "../../src/kit/abort.ts";
import { EventBus } from "../../src/engine/events.ts";

/** Ids of what is there when the follower has just begun, and of one more event. */
async function seen(since: number | null, until: number | null): Promise<string[]> {
  const bus = new EventBus();
  const publish = (id: string): void =>
    bus.publish({ type: "container", action: "start", id, attributes: {} });
  publish("one");
  publish("two");
  const stop = new AbortController();
  const ids: string[] = [];
  const events = bus.subscribe(since, until, stop.signal);
  publish("after");
  for await (const { id } of events) {
    ids.push(id);
    if (id === "after") stop.abort(canceled("all was seen"));
  }
  return ids;
}

test("past events are told where either bound is, as by Docker", async () => {
  const all = ["one", "two", "after"];
  const soon = Date.now() + 60_000;
  assert.deepEqual(await seen(null, null), ["after"]);
  assert.deepEqual(await seen(0, null), all);
  assert.deepEqual(await seen(null, soon), all);
  assert.deepEqual(await seen(soon, null), ["after"]);
  assert.deepEqual(await seen(0, 0), all);
  assert.deepEqual(await seen(0, 1), []);
});
