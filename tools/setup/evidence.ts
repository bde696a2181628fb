import { existsSync } from "node:fs";
import { join } from "node:path";
import { programPath } from "../../src/kit/subprocess.ts";

/** Whether a program is in the folders where Duet looks for programs, or whether a path exists. */
export function exists(evidence: string): boolean {
  if (evidence.startsWith("/")) return existsSync(evidence);
  return programPath.split(":").some((folder) => existsSync(join(folder, evidence)));
}
