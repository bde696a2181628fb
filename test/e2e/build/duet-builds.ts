import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { run, type RunResult } from "../../../src/kit/subprocess.ts";
import type { TestDaemon } from "../daemon.ts";

/** The `duet` that is tested. */
export const program = join(import.meta.dirname, "../../../bin/duet");

/** A folder of the test's own with these files, by their paths in it. */
export async function folderWith(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "duet-build-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** `duet build` at a daemon, whatever comes of it. */
export async function tryBuild(
  daemon: TestDaemon,
  words: readonly string[],
  options: { readonly input?: string | Buffer; readonly env?: Record<string, string> } = {},
): Promise<RunResult> {
  const { input, env = {} } = options;
  return await run(program, ["--host", `unix://${daemon.socket}`, "build", ...words], {
    signal: AbortSignal.timeout(300_000),
    okCodes: "any",
    env: { DOCKER_CONFIG: join(daemon.folder, "docker-config"), ...env },
    ...(input === undefined ? {} : { input }),
  });
}

/** `duet build` at a daemon; fails where it does. */
export async function build(daemon: TestDaemon, ...words: string[]): Promise<RunResult> {
  const result = await tryBuild(daemon, words);
  assert.equal(result.code, 0, result.stderr);
  return result;
}
