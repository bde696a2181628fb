import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { canceled } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { untilAborted } from "../../../src/servers/docker/streaming.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

test("a stream that may be aborted holds none of the items that were taken from it", async () => {
  const taken: WeakRef<object>[] = [];
  async function* items(): AsyncGenerator<object, void, void> {
    for (let count = 0; count < 50; count += 1) {
      const item = { count };
      taken.push(new WeakRef(item));
      yield item;
    }
  }
  const stream = untilAborted(items(), new AbortController().signal);
  for (let count = 0; count < 40; count += 1) await stream.next();
  // What a turn has looked at is kept until it ends.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const held = taken.filter((item) => item.deref() !== undefined).length;
  assert.ok(held <= 2, `${held} of ${taken.length} items are still held`);
  await stream.return();
});

test("an abort ends the wait for an item that does not come, and tells the source", async () => {
  const controller = new AbortController();
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const source: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => undefined),
      return: async () => {
        resolve();
        return { done: true, value: undefined };
      },
    }),
  };
  const waiting = untilAborted(source, controller.signal).next();
  controller.abort(canceled("the client left"));
  await assert.rejects(waiting, (error) => isDuetError(error, "canceled"));
  await told;
});
