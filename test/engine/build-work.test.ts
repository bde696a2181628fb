import assert from "node:assert/strict";
import { test } from "node:test";
import type { BuildCacheEntry } from "../../src/domain/build/cache-entry.ts";
import { BuildWork, type StepOutput } from "../../src/engine/build/build-work.ts";
import { never } from "../../src/kit/abort.ts";

const key = `sha256:${"1".repeat(64)}` as const;
const entry = {} as BuildCacheEntry;

test("who comes to a step that runs hears what it has printed last, of which not all is kept", async () => {
  const work = new BuildWork();
  const { promise: printed, resolve: note } = Promise.withResolvers<void>();
  const { promise: end, resolve: finish } = Promise.withResolvers<void>();
  const first = work.once(
    key,
    () => undefined,
    never,
    async (tell) => {
      for (let at = 0; at < 100; at += 1) {
        tell({ stream: "stdout", at, data: Buffer.alloc(64 << 10, at) });
      }
      note();
      await end;
      return entry;
    },
  );
  await printed;
  const heard: StepOutput[] = [];
  const second = work.once(
    key,
    (output) => void heard.push(output),
    never,
    () => assert.fail("it runs already"),
  );
  finish();
  assert.deepEqual(await Promise.all([first, second]), [entry, entry]);
  assert.equal(heard.at(-1)?.at, 99);
  const kept = heard.reduce((sum, { data }) => sum + data.length, 0);
  assert.ok(kept <= 1 << 20, `${kept} bytes were kept`);
});
