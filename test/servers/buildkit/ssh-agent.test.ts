import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import type { Session } from "../../../src/servers/buildkit/session/session.ts";
import { openAgent } from "../../../src/servers/buildkit/session/ssh-agent.ts";

const session = { offers: () => true, client: { call: async () => ({}) } } as unknown as Session;

async function place(context: TestContext): Promise<string> {
  const top = await mkdtemp(join(tmpdir(), "duet-test-"));
  context.after(() => rm(top, { recursive: true }));
  return top;
}

test("an agent's socket is its owner's alone, in a folder that others pass through, until it is closed", async (t) => {
  const folder = join(await place(t), "sockets");
  const agent = await openAgent(folder, session, "default", never);
  assert.ok(agent !== undefined);
  const made = await stat(agent.path);
  assert.ok(made.isSocket());
  assert.equal(made.mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o711);
  await agent[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(folder), []);
});

test("an agent's socket that cannot be made leaves nothing", async (t) => {
  // Longer than a socket's address may be.
  const folder = join(await place(t), "x".repeat(120));
  await assert.rejects(openAgent(folder, session, "default", never));
  assert.deepEqual(await readdir(folder), []);
});
