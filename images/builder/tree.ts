import { posix } from "node:path";
import { DuetError } from "../../src/kit/errors.ts";
import { readTar } from "../../src/kit/tar/reader.ts";
import type { TarEntry } from "../../src/kit/tar/entry.ts";
import type { TarMember } from "../../src/kit/tar/writer.ts";

/** One path of a tree in memory; owners are root. */
export type TreeEntry = { readonly mode: number } & (
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly content: Buffer }
  | { readonly kind: "symlink"; readonly target: string }
);

/** Folders that are links into /usr in every tree. */
const merged = /^(bin|sbin|lib|lib64)\//;

/** A file tree by path (no leading slash), in memory, so that building takes no root and no scratch files. */
export class FileTree {
  private readonly entries = new Map<string, TreeEntry>();

  get(path: string): TreeEntry | undefined {
    return this.entries.get(canonical(path));
  }

  put(path: string, entry: TreeEntry): void {
    const place = canonical(path);
    if (place === "") return;
    this.makeParents(place);
    const there = this.entries.get(place);
    // A package that ships the folder lib/ means the tree's own lib, which is a link.
    if (entry.kind === "directory" && there?.kind === "symlink") return;
    this.entries.set(place, entry);
  }

  /** Adds a package's tar stream, without the paths that `omit` matches. */
  async addPackage(tar: AsyncIterable<Uint8Array>, omit: RegExp): Promise<void> {
    for await (const entry of readTar(tar)) {
      const path = canonical(entry.name.toString("utf8"));
      if (path === "" || omit.test(path)) continue;
      this.put(path, await this.entryOf(entry));
    }
  }

  /** All members sorted by path, parents first, for a tar whose bytes are the same each time. */
  *members(modifiedSeconds: number): Generator<TarMember, void, void> {
    for (const path of [...this.entries.keys()].toSorted()) {
      const entry = this.entries.get(path)!;
      const header = {
        kind: entry.kind,
        name: Buffer.from(path),
        mode: entry.mode,
        modifiedSeconds,
        ...(entry.kind === "file" ? { size: entry.content.length } : {}),
        ...(entry.kind === "symlink" ? { linkName: Buffer.from(entry.target) } : {}),
      };
      yield entry.kind === "file" ? { header, content: entry.content } : { header };
    }
  }

  private makeParents(path: string): void {
    const parent = posix.dirname(path);
    if (parent === "." || this.entries.has(parent)) return;
    this.makeParents(parent);
    this.entries.set(parent, { kind: "directory", mode: 0o755 });
  }

  private async entryOf(entry: TarEntry): Promise<TreeEntry> {
    const { mode } = entry;
    if (entry.kind === "directory") return { kind: "directory", mode };
    if (entry.kind === "symlink") {
      return { kind: "symlink", mode: 0o777, target: entry.linkName.toString("utf8") };
    }
    if (entry.kind === "file") {
      const parts = await Array.fromAsync(entry.content());
      return { kind: "file", mode, content: Buffer.concat(parts) };
    }
    const linked =
      entry.kind === "hardlink" ? this.get(entry.linkName.toString("utf8")) : undefined;
    if (linked !== undefined) return linked;
    throw new DuetError("unsupported", "PACKAGE_ENTRY", `a package holds a ${entry.kind}`, {
      subject: entry.name.toString("utf8"),
    });
  }
}

function canonical(path: string): string {
  return posix.normalize(`/${path}`).slice(1).replace(/\/$/, "").replace(merged, "usr/$1/");
}
