import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import type { Session } from "../../../src/servers/buildkit/session/session.ts";
import { openAgent } from "../../../src/servers/buildkit/session/ssh-agent.ts";

test("an agent's socket that cannot be made leaves no folder", async (t) => {
  const session = { offers: () => true, client: { call: async () => ({}) } } as unknown as Session;
  const top = await mkdtemp(join(tmpdir(), "duet-test-"));
  t.after(() => rm(top, { recursive: true }));
  // Longer than a socket's address may be.
  const folder = join(top, "x".repeat(120));
  await mkdir(folder);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  try {
    await assert.rejects(openAgent(session, "default", never));
  } finally {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  }
  assert.deepEqual(await readdir(folder), []);
});
