import { constants } from "node:fs";
import { kindBits, type TarEntry } from "../../../kit/tar/entry.ts";
import type { Stat } from "../../../spec/buildkit/file-sync.ts";
import { goMode } from "../../../kit/go-file-mode.ts";

const none = Buffer.alloc(0);
const nanoseconds = 1_000_000_000n;

/** What a tree holds in the order in which fsutil wants to be told, with the tar's member that has each content. */
export class TreeList {
  private readonly found = new Map<string, Stat>();
  /** Names that share a file with a member of the tar, by that member's name. */
  private readonly links = new Map<string, string[]>();
  private readonly files = new Set<string>();

  /** `folder` is "" or where the tree goes. Later members of a name take the place of earlier ones. */
  add(folder: string, entry: TarEntry): void {
    const key = keyOf(folder, entry.name);
    if (key === "") return;
    if (entry.kind === "hardlink") {
      const target = keyOf(folder, entry.linkName);
      const names = this.links.get(target) ?? [];
      this.links.set(target, names);
      names.push(key);
    }
    if (entry.kind === "file") this.files.add(key);
    else this.files.delete(key);
    this.found.set(key, {
      path: Buffer.from(key, "latin1"),
      mode: goMode(kindBits[entry.kind] | entry.mode),
      uid: entry.uid,
      gid: entry.gid,
      size: entry.kind === "file" ? entry.size : 0,
      modifiedAt: BigInt(entry.modifiedSeconds) * nanoseconds + BigInt(entry.modifiedNanoseconds),
      link: entry.kind === "symlink" ? entry.linkName : none,
      deviceMajor: entry.deviceMajor,
      deviceMinor: entry.deviceMinor,
      attributes: new Map(
        entry.attributes.map(({ name, value }) => [name.toString("latin1"), value]),
      ),
    });
  }

  addFolder(folder: string): void {
    this.found.set(folder, {
      ...emptyStat,
      path: Buffer.from(folder),
      mode: goMode(constants.S_IFDIR | 0o755),
    });
  }

  /**
   * In fsutil's order; of files with several names the first in that order is the file. `contents` are the files' places
   * in it, by the tar's member that has the content.
   */
  finish(): { readonly stats: readonly Stat[]; readonly contents: ReadonlyMap<string, number> } {
    this.addParents();
    const keys = inOrder(this.found.keys());
    const place = new Map(keys.map((key, index) => [key, index]));
    const contents = new Map<string, number>();
    for (const [member, names] of this.links) {
      const target = this.found.get(member);
      if (target === undefined) continue;
      const all = [member, ...names].toSorted((a, b) => place.get(a)! - place.get(b)!);
      const first = all[0]!;
      for (const name of all) {
        const path = Buffer.from(name, "latin1");
        const link = name === first ? none : Buffer.from(first, "latin1");
        this.found.set(name, { ...target, path, link, size: name === first ? target.size : 0 });
      }
      if (this.files.has(member)) contents.set(member, place.get(first)!);
    }
    for (const key of this.files) if (!this.links.has(key)) contents.set(key, place.get(key)!);
    return { stats: keys.map((key) => this.found.get(key)!), contents };
  }

  private addParents(): void {
    for (const key of this.found.keys()) {
      for (let slash = key.indexOf("/"); slash > 0; slash = key.indexOf("/", slash + 1)) {
        const folder = key.slice(0, slash);
        if (!this.found.has(folder)) this.addFolder(folder);
      }
    }
  }
}

const emptyStat: Stat = {
  path: none,
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  modifiedAt: 0n,
  link: none,
  deviceMajor: 0,
  deviceMinor: 0,
  attributes: new Map(),
};

/** A member's path without `./` and slashes at its ends, below `folder`; "" for the root itself. */
export function keyOf(folder: string, name: Buffer): string {
  const parts = name
    .toString("latin1")
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  return [...(folder === "" ? [] : [folder]), ...parts].join("/");
}

/** As fsutil compares: a slash comes before every other byte, as NUL does, which no name has. */
function inOrder(paths: Iterable<string>): readonly string[] {
  const comparable = Array.from(paths, (path) => path.replaceAll("/", "\0"));
  return comparable.toSorted().map((path) => path.replaceAll("\0", "/"));
}
