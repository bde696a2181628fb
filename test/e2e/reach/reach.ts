import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** Builds the program that is both ends of a conversation; gives its folder, to be mounted at `/reach`. */
export function buildReach(context: Pick<TestContext, "after">): string {
  const folder = mkdtempSync("/tmp/reach-");
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const source = join(import.meta.dirname, "reach.c");
  execFileSync("musl-gcc", ["-static", "-O1", "-o", join(folder, "reach"), source]);
  return folder;
}
