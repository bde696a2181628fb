import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../src/kit/subprocess.ts";

/** Compiles shim, agent and rootfs helper into build/native/; make skips what is up to date. */
export async function buildNative(root: string, signal: AbortSignal): Promise<string> {
  if (!existsSync(join(root, "native/Makefile"))) return "none yet";
  const result = await run("make", ["-C", join(root, "native"), "--no-print-directory", "-j2"], {
    signal,
  });
  const compiled = result.stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => line.includes("-o "));
  return compiled.length === 0 ? "up to date" : `${compiled.length} compiled`;
}
