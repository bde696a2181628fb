import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openContentStore } from "../../src/drivers/content/content.ts";
import { silentLog } from "../../src/kit/log.ts";
import { collect, sha256, temporaryFolder } from "../drivers/content/folder.ts";

/* Cases I105 and I106 of the attack list, for content. */

const content = Buffer.alloc(3_000_000, "duet");
const expected = { digest: sha256(content), size: content.length };

for (const failpoint of [
  "content.synced",
  "content.renamed",
  "content.committed",
  "content.written",
]) {
  test(`I105: killed at ${failpoint}, content is whole or absent, and the next attempt succeeds`, async (context) => {
    const folder = temporaryFolder(context);
    const writer = join(import.meta.dirname, "content-writer.ts");
    const child = spawn(process.execPath, [writer, folder, `${failpoint}=kill`], {
      stdio: "inherit",
    });
    assert.deepEqual(await once(child, "exit"), [null, "SIGKILL"]);
    const store = await openContentStore(folder, silentLog);
    for await (const { digest } of store.list()) {
      assert.equal(sha256(await collect(await store.stream(digest))), digest);
    }
    await using ingest = await store.ingest("layer");
    await ingest.append(content.subarray(ingest.offset));
    await ingest.commit(expected);
    assert.equal(await store.size(expected.digest), expected.size);
  });
}

test("I109: an interrupted ingest that the disk damaged is noticed, and started anew", async (context) => {
  const folder = temporaryFolder(context);
  const store = await openContentStore(folder, silentLog);
  {
    await using ingest = await store.ingest("layer");
    await ingest.append(content.subarray(0, 2_000_000));
  }
  const name = sha256("layer").slice("sha256:".length);
  writeFileSync(join(folder, "ingests", name), Buffer.alloc(2_000_000));
  {
    await using ingest = await store.ingest("layer");
    await ingest.append(content.subarray(ingest.offset));
    await assert.rejects(ingest.commit(expected), { code: "DIGEST_MISMATCH" });
  }
  await using again = await store.ingest("layer");
  assert.equal(again.offset, 0);
  await again.append(content);
  await again.commit(expected);
});

test("I106: a full disk gives a typed error, keeps what is there, and recovers", async (context) => {
  const folder = temporaryFolder(context);
  const script = join(import.meta.dirname, "full-disk.ts");
  const command = ["--mount", "--propagation", "private", process.execPath, script, folder];
  const child = spawn("unshare", command, { stdio: ["ignore", "pipe", "inherit"] });
  const output = await collect(child.stdout);
  assert.deepEqual(JSON.parse(output.toString()), {
    content: "NO_SPACE",
    contentAfter: 3_000_000,
    state: "NO_SPACE",
    stateAfter: ["before", "after"],
  });
});
