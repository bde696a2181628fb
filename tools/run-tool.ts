import { spawn } from "node:child_process";
import { projectRoot } from "./project.ts";

/** Runs another tool of this folder with this terminal, and gives its exit code. */
export async function runTool(
  script: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: projectRoot,
    stdio: ["ignore", "inherit", "inherit"],
    signal,
  });
  const { promise, resolve } = Promise.withResolvers<number>();
  child.once("error", () => resolve(1));
  child.once("close", (code) => resolve(code ?? 1));
  return await promise;
}
