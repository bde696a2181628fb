import assert from "node:assert/strict";
import { test } from "node:test";
import { canceled, never } from "../../../src/kit/abort.ts";
import { encode } from "../../../src/kit/grpc/encode.ts";
import { FolderList } from "../../../src/servers/buildkit/session/folder-list.ts";
import { packet, packetTypes } from "../../../src/spec/buildkit/file-sync.ts";

const count = 5_000;

function longList(): FolderList {
  const list = new FolderList();
  for (let number = 0; number < count; number += 1) {
    const path = Buffer.from(`file-${String(number).padStart(40, "0")}`);
    list.add(encode(packet, { type: packetTypes.stat, stat: { path, mode: 0o644 } }));
  }
  list.digest();
  return list;
}

test("others are served while a long list of files is read", async () => {
  const order: string[] = [];
  const reading = longList().entries(never);
  setImmediate(() => setImmediate(() => order.push("served")));
  const entries = await reading;
  order.push("read");
  assert.equal(entries.length, count);
  assert.deepEqual(order, ["served", "read"]);
});

test("a long list is not read to its end for a client that has left", async () => {
  const left = new AbortController();
  const reading = longList().entries(left.signal);
  left.abort(canceled("the client has left"));
  await assert.rejects(reading, { class: "canceled" });
});
