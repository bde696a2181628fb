import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../..");

/** The helper as it ships. Built by the test command; `make` is quick where it is up to date. */
export const rootfsBinary: string = join(root, "build/native/duet-rootfs");

/** Builds a target of native/Makefile below build/native and gives its path. */
export function builtNative(target: string): string {
  const path = join(root, "build/native", target);
  execFileSync("make", ["-s", "-C", join(root, "native"), path], { timeout: 300_000 });
  return path;
}

/** A folder that goes with the test. */
export function temporaryFolder(context: { after(done: () => void): void }): string {
  const folder = mkdtempSync("/tmp/duet-t-");
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Lines of this process's mount table that name `folder`: what a leak would look like. */
export function mountsBelow(folder: string): string {
  return execFileSync("sh", ["-c", 'grep -F -- "$1" /proc/self/mountinfo || true', "sh", folder], {
    encoding: "utf8",
  });
}
