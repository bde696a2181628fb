import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { decompress } from "../../src/kit/decompress.ts";
import { gzipMembers } from "../../src/kit/gzip-members.ts";

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function whole(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

test("content comes back from members, and its chunks do not matter", async () => {
  for (const size of [0, 1, 1 << 20, 3_500_000]) {
    const content = Buffer.concat([randomBytes(size >> 1), Buffer.alloc(size - (size >> 1), "ab")]);
    const zipped = await whole(gzipMembers(inChunks(content, 70_001)));
    assert.ok(gunzipSync(zipped).equals(content));
    assert.ok((await whole(decompress(inChunks(zipped, 4_096)))).equals(content));
    assert.ok((await whole(gzipMembers(inChunks(content, 1 << 22)))).equals(zipped));
  }
});

test("a source that fails ends it with its own failure", async () => {
  async function* failing(): AsyncGenerator<Buffer> {
    yield randomBytes(3 << 20);
    throw new Error("the source broke");
  }
  await assert.rejects(whole(gzipMembers(failing())), /the source broke/);
});
