import { spawn } from "node:child_process";
import { join } from "node:path";
import { DuetError } from "../../src/kit/errors.ts";
import { projectRoot } from "../project.ts";

const program = join(projectRoot, "bin/duet");

/** The line that a user would type for the same. */
export function commandLine(args: readonly string[]): string {
  return `$ duet ${args.join(" ")}`;
}

/** Prints the line and runs it with this terminal. Throws DEMO_STEP_FAILED on another exit code than 0. */
export async function showDuet(args: readonly string[], signal: AbortSignal): Promise<void> {
  console.log(`\n${commandLine(args)}`);
  const child = spawn(program, args, { stdio: "inherit" });
  const stop = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", stop, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("close", (code, name) => resolve(code ?? (name === "SIGINT" ? 130 : 1)));
  try {
    const code = await promise;
    signal.throwIfAborted();
    if (code !== 0) throw stepFailed(args, code);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function stepFailed(args: readonly string[], code: number): DuetError {
  return new DuetError(
    "internal",
    "DEMO_STEP_FAILED",
    `\`duet ${args.join(" ")}\` ended with exit code ${code}`,
    { hint: "run `bin/duet doctor` to see what this host lacks" },
  );
}
