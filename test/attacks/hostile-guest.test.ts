import assert from "node:assert/strict";
import { test } from "node:test";
import { TreeSession } from "../../src/drivers/rootfs/session.ts";
import { never } from "../../src/kit/abort.ts";
import { TreeLink } from "../../src/kit/tree/link.ts";
import { treeAnswer, treeHeaderSize } from "../../src/kit/tree/operations.ts";
import { FrameBuilder } from "../../src/kit/tree/values.ts";

test("a guest that answers a small question with an endless file is cut off (G85)", async () => {
  let sent = 0;
  const asked = Promise.withResolvers<void>();
  async function* endless(): AsyncGenerator<Buffer, void, void> {
    await asked.promise;
    const frame = Buffer.alloc(treeHeaderSize + 8 + (64 << 10));
    frame.writeUInt32LE(frame.length - treeHeaderSize, 0);
    frame.writeUInt32LE(treeAnswer.content, 4);
    frame.writeUInt32LE(1, 8);
    for (; sent < 1_000; sent += 1) yield frame;
  }
  const link = new TreeLink({
    input: endless(),
    write: async () => asked.resolve(),
    closeOutput: async () => undefined,
    close: () => undefined,
  });
  const session = new TreeSession({
    link: async () => link,
    end: async () => link.close(),
    layers: undefined,
  });
  await assert.rejects(session.readFile("/etc/passwd", 1 << 20, never), {
    code: "TREE_LINK_LOST",
  });
  assert.ok(sent < 100, `${sent} pieces were taken`);
});

/** A session on a guest that answers a walk with one file of this path. */
function guestWith(path: string): TreeSession {
  const asked = Promise.withResolvers<void>();
  async function* answer(): AsyncGenerator<Buffer, void, void> {
    await asked.promise;
    const frame = new FrameBuilder(4_096).begin(treeAnswer.entry, 1);
    frame.u8(0).u32(0o100644).u32(0).u32(0).u64(0).u32(0).u64(0).u32(0).u32(0).u64(1).u64(1);
    frame.u64(1).u64(0).bytes(Buffer.from(path)).bytes(Buffer.alloc(0)).u32(0).end();
    yield frame.take();
    const end = new FrameBuilder(64).begin(treeAnswer.ok, 1);
    end.end();
    yield end.take();
  }
  const link = new TreeLink({
    input: answer(),
    write: async () => asked.resolve(),
    closeOutput: async () => undefined,
    close: () => undefined,
  });
  return new TreeSession({
    link: async () => link,
    end: async () => link.close(),
    layers: undefined,
  });
}

async function sizeOf(bytes: AsyncIterable<Buffer>): Promise<number> {
  let size = 0;
  for await (const chunk of bytes) size += chunk.length;
  return size;
}

for (const path of ["../over", "/root/over", "a/../../over", "a//b", "./a", "..", "a\0b"]) {
  test(`a guest that tells of ${JSON.stringify(path)} gets it into no archive (G85)`, async () => {
    for (const read of [
      (guest: TreeSession) => guest.archive("folder", never),
      (guest: TreeSession) => guest.wholeTree(never),
    ]) {
      await assert.rejects(sizeOf(read(guestWith(path))), { code: "TREE_PATH" });
    }
  });
}

test("a guest that tells of a path below is archived (G85)", async () => {
  assert.ok((await sizeOf(guestWith("a/..b/c").archive("folder", never))) > 0);
});
