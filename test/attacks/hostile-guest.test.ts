import assert from "node:assert/strict";
import { test } from "node:test";
import { TreeSession } from "../../src/drivers/rootfs/session.ts";
import { never } from "../../src/kit/abort.ts";
import { TreeLink } from "../../src/kit/tree/link.ts";
import { treeAnswer, treeHeaderSize } from "../../src/kit/tree/operations.ts";

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
