import { run } from "../../src/kit/subprocess.ts";

/**
 * The processes whose command line matches `pattern`, a line each, after those that end within
 * `milliseconds` have ended. A killed process is among them until the kernel has taken its memory, which
 * for an emulator lasts longer than its killer's answer.
 */
export async function processesLeft(pattern: string, milliseconds: number): Promise<string[]> {
  const deadline = AbortSignal.timeout(milliseconds);
  try {
    await run("pidwait", ["-f", pattern], { okCodes: [0, 1], signal: deadline });
  } catch (error) {
    if (!deadline.aborted) throw error;
  }
  const found = await run("pgrep", ["-af", pattern], {
    okCodes: [0, 1],
    signal: AbortSignal.timeout(milliseconds),
  });
  return found.stdout.toString().split("\n").filter(Boolean);
}
