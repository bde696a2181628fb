import { constants } from "node:fs";
import type { TreeLink } from "../../kit/tree/link.ts";
import { PlainLook } from "../../kit/tree/plain-look.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";

/** A tree that is entered when it is first asked for. */
export interface LowerTree {
  link(): Promise<TreeLink>;
}

/** Looks up in a layer, or in layers below one; nothing is in one that is not there. */
export class LayerLook {
  private readonly look: PlainLook | undefined;

  constructor(tree: LowerTree | undefined) {
    this.look = tree === undefined ? undefined : new PlainLook(() => tree.link());
  }

  /** What is at `path` and shows: a whiteout does not. */
  async at(path: Buffer, signal: AbortSignal): Promise<TreeEntry | undefined> {
    const entry = await this.look?.at(path, signal);
    return entry === undefined || isWhiteout(entry) ? undefined : entry;
  }

  /** From now on, nothing is below `path`. */
  hide(path: Buffer): void {
    this.look?.hide(path);
  }
}

export function isWhiteout(entry: TreeEntry): boolean {
  return (
    (entry.mode & constants.S_IFMT) === constants.S_IFCHR &&
    entry.deviceMajor === 0 &&
    entry.deviceMinor === 0
  );
}
