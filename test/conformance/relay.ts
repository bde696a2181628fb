import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { minimalEnvironment } from "../../src/kit/subprocess.ts";

/** A line that a session in another process prints for each of its tests; `error` where it failed. */
export interface Outcome {
  readonly name: string;
  readonly error?: string;
}

const sessionMilliseconds = 1_500_000;

/**
 * Runs a session of a client library, which prints one JSON line (`Outcome`) a test, and counts each
 * as a test of its own. Throws where the session ends early.
 */
export async function relay(
  context: TestContext,
  [program, ...args]: readonly [program: string, ...args: string[]],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: minimalEnvironment(env),
    signal: AbortSignal.timeout(sessionMilliseconds),
  });
  const closed = once(child, "close");
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => (said += piece));
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const outcome = readOutcome(line);
    if (outcome === undefined) {
      said += `${line}\n`;
      continue;
    }
    count += 1;
    await context.test(outcome.name, () => {
      if (outcome.error !== undefined) throw new Error(outcome.error);
    });
  }
  const [code] = (await closed) as [number | null];
  if (code !== 0 || count === 0) throw new Error(`the session ended with ${code}: ${said}`);
}

function readOutcome(line: string): Outcome | undefined {
  if (!line.startsWith('{"name":')) return undefined;
  return JSON.parse(line) as Outcome;
}
