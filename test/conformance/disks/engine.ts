import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestDaemon } from "../../e2e/daemon.ts";
import { duetLine } from "../../e2e/disks/duet-line.ts";
import { listTree, type Listing } from "./host.ts";

/** Imports a disk; gives the tree of the image's only layer as it lies in the store, or what was said. */
export async function importTree(
  daemon: TestDaemon,
  disk: string,
  words: readonly string[] = [],
): Promise<Listing | string> {
  const before = new Set(await layers(daemon));
  const made = await duetLine(daemon, ["image", "import-disk", ...words, disk, "trial:1"]);
  if (made.code !== 0) return made.stderr.trim();
  try {
    const created = await daemon.tryDocker(["create", "--name", "trial", "trial:1", "none"]);
    if (created.code !== 0) return `create: ${created.stderr.trim()}`;
    const layer = (await layers(daemon)).find((path) => !before.has(path));
    if (layer === undefined) return "the image has no layer of its own";
    return await listTree(layer);
  } finally {
    await daemon.tryDocker(["rm", "trial"]);
    await daemon.tryDocker(["rmi", "-f", "trial:1"]);
  }
}

/** The folders of unpacked layers. */
async function layers(daemon: TestDaemon): Promise<readonly string[]> {
  const top = join(daemon.folder, "data/snapshots/l");
  return (await readdir(top)).map((name) => join(top, name));
}
