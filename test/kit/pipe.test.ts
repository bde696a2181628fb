import assert from "node:assert/strict";
import { test } from "node:test";
import { Pipe } from "../../src/kit/pipe.ts";

const mebibyte = Buffer.alloc(1 << 20);

test("a pipe gives what was written, in order, and then its end or its failure", async () => {
  for (const error of [undefined, new Error("broken")]) {
    const pipe = new Pipe();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of pipe) seen.push(chunk.toString());
    })();
    await pipe.write(Buffer.from("a"));
    await pipe.write(Buffer.from("b"));
    pipe.end(error);
    if (error === undefined) await reading;
    else await assert.rejects(reading, error);
    assert.deepEqual(seen, ["a", "b"]);
  }
});

test("who writes waits for a reader that is far behind, and not for one that went away", async () => {
  const pipe = new Pipe();
  const reader = pipe[Symbol.asyncIterator]();
  for (let written = 0; written < 8; written += 1) await pipe.write(mebibyte);
  let isOver = false;
  const ninth = pipe.write(mebibyte).then(() => (isOver = true));
  await new Promise(setImmediate);
  assert.equal(isOver, false);
  await reader.next();
  await ninth;
  const last = [pipe.write(mebibyte), pipe.write(mebibyte)];
  await reader.return();
  await Promise.all(last);
  await pipe.write(mebibyte);
});

test("a pipe that nobody began to read can be closed", async () => {
  const pipe = new Pipe();
  const writes = Array.from({ length: 9 }, () => pipe.write(mebibyte));
  pipe.close();
  await Promise.all(writes);
});
