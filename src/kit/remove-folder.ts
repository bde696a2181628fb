import { readdir, rm, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "./errors.ts";

/**
 * Removes a small folder of the daemon's own with a third of the calls that Node's `rm` makes. Follows no link. What is
 * not there is removed already.
 */
export async function removeOwnFolder(folder: string): Promise<void> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const removals = entries.map(async (entry) => {
      const path = join(folder, entry.name);
      await (entry.isDirectory() ? removeOwnFolder(path) : unlink(path));
    });
    await Promise.all(removals);
    await rmdir(folder);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    // Somebody else is at it, too.
    await rm(folder, { recursive: true, force: true });
  }
}
