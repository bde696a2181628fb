import assert from "node:assert/strict";
import { closeSync, writeSync } from "node:fs";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemCall, systemCallAside } from "../../src/kit/syscalls.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

test("a buffer lives as long as the call that was given it, and no longer", async () => {
  const pair = Buffer.alloc(8);
  systemCall("int pipe2(void *, int)", pair, 0o2000000);
  const [reading, writing] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  const read = (): { readonly buffer: WeakRef<Buffer>; readonly result: Promise<number> } => {
    const buffer = Buffer.alloc(1_024);
    const result = systemCallAside("long read(int, void *, size_t)", reading, buffer, 1_024);
    return { buffer: new WeakRef(buffer), result };
  };
  const isHeld = async ({ buffer }: ReturnType<typeof read>): Promise<boolean> => {
    // What a turn has looked at is kept until it ends.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    return buffer.deref() !== undefined;
  };
  const call = read();
  const before = await isHeld(call);
  writeSync(writing, "told");
  assert.equal(await call.result, 4);
  const after = await isHeld(call);
  closeSync(reading);
  closeSync(writing);
  assert.deepEqual({ before, after }, { before: true, after: false });
});
