import { constants } from "node:fs";
import type { TreeEntry } from "../../kit/tree/values.ts";

/**
 * What a runtime makes in a root for its own mounts, where Docker has a layer of its own between image and
 * container: no change of the workload's.
 */
const folders = new Set(["dev", "dev/pts", "dev/shm", "dev/mqueue", "proc", "sys"]);
const files = new Set(["dev/console", "etc/hosts", "etc/hostname", "etc/resolv.conf"]);
/** Folders that may be there only because of what is in them. */
const holders = new Set(["", "etc", "lost+found"]);

/** Whether an entry that the image has not is one of those, still empty. */
export function isPlaceholder(entry: TreeEntry): boolean {
  const path = entry.path.toString("latin1");
  const kind = entry.mode & constants.S_IFMT;
  if (kind === constants.S_IFDIR) return folders.has(path) || holders.has(path);
  return files.has(path) && entry.size === 0;
}

/** Whether a folder's time may be that of a placeholder's making. */
export function holdsPlaceholders(path: Buffer): boolean {
  return holders.has(path.toString("latin1"));
}

/** The paths of all of those. */
export const runtimePlaces: readonly Buffer[] = [...folders, ...files].map((path) =>
  Buffer.from(path),
);
