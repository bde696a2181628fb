import type { DiffEntry } from "../../domain/rootfs.ts";
import { splitPath } from "../../kit/tree/names.ts";

const slash = Buffer.from("/");

/** The folders above a path, the topmost first, without the root. */
export function ancestorsOf(path: Buffer): readonly Buffer[] {
  const { folder } = splitPath(path);
  return folder.length === 0 ? [] : [...ancestorsOf(folder), folder];
}

/**
 * Changes, by paths without a leading slash, as `docker diff` lists them: with one, in order, and with the
 * folders above each, which count as modified where nothing else is said of them.
 */
export function withParents(changes: readonly DiffEntry[]): readonly DiffEntry[] {
  const all = new Map<string, DiffEntry>();
  const add = (entry: DiffEntry): void => {
    const key = entry.path.toString("latin1");
    if (!all.has(key)) all.set(key, { ...entry, path: Buffer.concat([slash, entry.path]) });
  };
  for (const change of changes) add(change);
  for (const { path } of changes) {
    for (const folder of ancestorsOf(path)) add({ path: folder, kind: "modified" });
  }
  return [...all.values()].toSorted((one, other) => one.path.compare(other.path));
}
