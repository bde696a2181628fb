import { constants } from "node:fs";
import type { TreeEntry } from "../../kit/tree/values.ts";
import type { TreeView } from "../../kit/tree/view.ts";
import type { TreeStep, WalkOptions } from "../../kit/tree/walk.ts";
import type { ContextIndex, IndexedEntry } from "./context-index.ts";
import { isFolder } from "./places.ts";

const nanoseconds = 1_000_000_000n;
const none = Buffer.alloc(0);

/** A context's tree as its index tells of it: without a helper, and without the contents of files. */
export class IndexView implements TreeView {
  private readonly index: ContextIndex;

  constructor(index: ContextIndex) {
    this.index = index;
  }

  async look(path: Buffer): Promise<TreeEntry | undefined> {
    const entry = this.index.get(path);
    return entry === undefined ? undefined : this.told(entry, entry.path, false);
  }

  async *walk(path: Buffer, options: WalkOptions): AsyncGenerator<TreeStep, void, void> {
    const start = this.index.get(path);
    if (start === undefined) return;
    const met = new Set<bigint>();
    const step = (entry: IndexedEntry, relative: Buffer): TreeStep => {
      const inode = this.index.inodeOf(entry.path);
      const seen = inode !== undefined && met.has(inode);
      if (inode !== undefined) met.add(inode);
      return { kind: "entry", entry: this.told(entry, relative, seen) };
    };
    yield step(start, none);
    if (!isFolder(start)) return;
    const skipped = path.length === 0 ? 0 : path.length + 1;
    for (const entry of this.index.below(path)) {
      const relative = entry.path.subarray(skipped);
      if (options.shallow !== true || !relative.includes("/")) yield step(entry, relative);
    }
  }

  private told(entry: IndexedEntry, path: Buffer, seen: boolean): TreeEntry {
    const isSymlink = (entry.mode & constants.S_IFMT) === constants.S_IFLNK;
    const inode = this.index.inodeOf(entry.path);
    const rest = ((entry.modifiedAt % nanoseconds) + nanoseconds) % nanoseconds;
    return {
      ...{ seen, path, size: entry.size, uid: entry.uid, gid: entry.gid },
      // The permissions of a link are whatever its file system says.
      mode: isSymlink ? constants.S_IFLNK | 0o777 : entry.mode,
      modifiedSeconds: Number((entry.modifiedAt - rest) / nanoseconds),
      modifiedNanoseconds: Number(rest),
      ...{ deviceMajor: 0, deviceMinor: 0, device: 0n, inode: inode ?? 0n },
      links: inode === undefined ? 1 : 2,
      blocks: Math.ceil(entry.size / 512),
      linkName: isSymlink ? entry.link : none,
      attributes: entry.attributes,
    };
  }
}
