import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import type { OutputChunk } from "../../../src/domain/process.ts";
import { relay, type RelayOptions } from "../../../src/servers/docker/hijack.ts";

const options: RelayOptions = {
  terminal: true,
  stdin: true,
  detachKeys: Buffer.from("q"),
  atEndOfInput: "detach",
  stdout: true,
  stderr: true,
};

async function* nothingUntil(over: Promise<void>): AsyncGenerator<OutputChunk> {
  await over;
  yield* [];
}

test("the end of a client's input comes after input that still waits for its process", async () => {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const { promise: running, resolve: run } = Promise.withResolvers<void>();
  const { promise: detached, resolve: detach } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const ended = relay(
    socket,
    {
      output: nothingUntil(detached),
      write: async (data) => {
        await running;
        seen.push(Buffer.from(data).toString());
      },
      closeInput: async () => undefined,
      detach: () => {
        seen.push("detached");
        detach();
      },
    },
    options,
  );
  socket.push("abc");
  socket.push(null);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(seen, []);
  run();
  await ended;
  assert.deepEqual(seen.slice(0, 2), ["abc", "detached"]);
});

test("typing the detach keys ends the attachment, and is told", async () => {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const { promise: detached, resolve: detach } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const ended = relay(
    socket,
    {
      output: nothingUntil(detached),
      write: async (data) => void seen.push(Buffer.from(data).toString()),
      closeInput: async () => undefined,
      detach,
    },
    { ...options, onDetachKeys: () => void seen.push("told") },
  );
  socket.push("abq");
  await ended;
  assert.deepEqual(seen, ["ab", "told"]);
});
