import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { buildBundles } from "../../tools/build/bundles.ts";

const project = join(import.meta.dirname, "../..");

/**
 * Duet as a package has it: launchers, bundles and native parts without sources, so that nothing is
 * measured that only a clone does. Gives the folder.
 */
export async function installDuet(folder: string, signal: AbortSignal): Promise<string> {
  await buildBundles(project, signal);
  await mkdir(join(folder, "build"), { recursive: true });
  for (const part of ["bin", "dist", "build/native", "package.json"]) {
    await cp(join(project, part), join(folder, part), { recursive: true });
  }
  await symlink(join(project, "node_modules"), join(folder, "node_modules"));
  return folder;
}
