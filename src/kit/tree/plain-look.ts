import type { TreeLink } from "./link.ts";
import { splitPath } from "./names.ts";
import type { TreeEntry } from "./values.ts";
import { lookAt } from "./view.ts";
import { kindOf } from "./walk.ts";

/**
 * Looks things up by the paths that another tree has them at, and never through a link: what is no folder has
 * nothing below it, wherever it leads.
 */
export class PlainLook {
  private readonly link: () => Promise<TreeLink>;
  private readonly folders = new Map<string, boolean>();

  /** `link` is asked for when something is looked up, each time. */
  constructor(link: () => Promise<TreeLink>) {
    this.link = link;
  }

  /** What is at `path`, or undefined where nothing is. */
  async at(path: Buffer, signal: AbortSignal): Promise<TreeEntry | undefined> {
    if (path.length > 0 && !(await this.isFolder(splitPath(path).folder, signal))) return undefined;
    const entry = await lookAt(await this.link(), path, signal);
    if (entry !== undefined && kindOf(entry.mode) === "directory") {
      this.folders.set(keyOf(path), true);
    }
    return entry;
  }

  /** From now on, nothing is below `path`. */
  hide(path: Buffer): void {
    this.folders.set(keyOf(path), false);
  }

  private async isFolder(path: Buffer, signal: AbortSignal): Promise<boolean> {
    if (path.length === 0) return true;
    const known = this.folders.get(keyOf(path));
    if (known !== undefined) return known;
    const entry = await this.at(path, signal);
    const found = entry !== undefined && kindOf(entry.mode) === "directory";
    this.folders.set(keyOf(path), found);
    return found;
  }
}

function keyOf(path: Buffer): string {
  return path.toString("latin1");
}
