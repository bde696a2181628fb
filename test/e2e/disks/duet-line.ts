import { join } from "node:path";
import { run, type RunResult } from "../../../src/kit/subprocess.ts";
import type { TestDaemon } from "../daemon.ts";

const duet = join(import.meta.dirname, "../../../bin/duet");

/** The duet command line at a test's daemon, with any exit code. */
export async function duetLine(
  daemon: TestDaemon,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<RunResult> {
  return await run(duet, ["--host", `unix://${daemon.socket}`, ...words], {
    signal: AbortSignal.timeout(600_000),
    okCodes: "any",
    env,
  });
}
