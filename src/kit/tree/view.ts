import { isDuetError } from "../errors.ts";
import type { TreeLink } from "./link.ts";
import { treeOperation } from "./operations.ts";
import type { TreeEntry } from "./values.ts";
import { walkTree, type TreeStep, type WalkOptions } from "./walk.ts";

/** What can be looked through: a tree behind a link, or what is known of one. Links are not followed. */
export interface TreeView {
  /** What is at `path`, or undefined where nothing is. */
  look(path: Buffer, signal: AbortSignal): Promise<TreeEntry | undefined>;
  /** As `walkTree`. */
  walk(path: Buffer, options: WalkOptions, signal: AbortSignal): AsyncIterable<TreeStep>;
}

export function viewOf(link: TreeLink): TreeView {
  return {
    look: (path, signal) => lookAt(link, path, signal),
    walk: (path, options, signal) => walkTree(link, path, options, signal),
  };
}

/** What is at `path`, or undefined where nothing is. */
export async function lookAt(
  link: TreeLink,
  path: Buffer,
  signal: AbortSignal,
): Promise<TreeEntry | undefined> {
  try {
    const values = await link.answer(
      treeOperation.stat,
      (frame) => frame.u8(0).bytes(path),
      signal,
      path.toString("utf8"),
    );
    return values.entry();
  } catch (error) {
    if (isDuetError(error, "not-found")) return undefined;
    /* A file where a folder is looked for: there is nothing below it. */
    if (isDuetError(error, "invalid") && error.code === "NOT_A_DIRECTORY") return undefined;
    throw error;
  }
}
