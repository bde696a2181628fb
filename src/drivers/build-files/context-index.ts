import { constants } from "node:fs";
import type { ContextEntry } from "../../domain/build/files.ts";
import { isDigest, type Digest } from "../../domain/digest.ts";
import { splitPath } from "../../kit/tree/names.ts";
import { isFolder } from "./places.ts";

/** What is known of one path of a context; `digest` is that of a regular file's content, else null. */
export interface IndexedEntry extends ContextEntry {
  readonly digest: Digest | null;
}

/** A folder that nobody has spoken of is root's. */
const unspoken = {
  ...{ mode: constants.S_IFDIR | 0o755, uid: 0, gid: 0, size: 0, modifiedAt: 0n },
  ...{ link: Buffer.alloc(0), attributes: [], digest: null },
} as const;

/**
 * The entries of one context by path; the root's is told where somebody spoke of it. On disk one JSON array a line, byte strings as latin1:
 * `[path, mode, uid, gid, size, modifiedAt, link, [[name, value], ...], digest]`.
 */
export class ContextIndex {
  /** Whether the tree is what is said here; not where a member went through a link, or is another name of none. */
  isExact = true;
  private root: IndexedEntry = { ...unspoken, path: Buffer.alloc(0) };
  private readonly entriesByPath = new Map<string, IndexedEntry>();
  /** Of folders what is in them, by path; undefined until one is removed. */
  private inside: Map<string, Set<string>> | undefined;
  private order: Order | undefined;

  /** The empty path is the root's. */
  get(path: Buffer): IndexedEntry | undefined {
    return path.length === 0 ? this.root : this.entriesByPath.get(path.toString("latin1"));
  }

  put(entry: IndexedEntry): void {
    this.order = undefined;
    if (entry.path.length === 0) {
      this.root = entry;
      return;
    }
    this.putFolders(entry.path);
    this.set(entry.path.toString("latin1"), entry);
  }

  /** Forgets a path and all below it. */
  remove(path: Buffer): void {
    this.order = undefined;
    const key = path.toString("latin1");
    const entry = this.entriesByPath.get(key);
    if (entry === undefined) return;
    if (isFolder(entry)) this.removeBelow(key);
    this.entriesByPath.delete(key);
    this.inside?.get(folderOf(key))?.delete(key);
  }

  /** Sorted component by component, so that a folder comes straight before its content. */
  entries(): readonly IndexedEntry[] {
    return this.ordered().entries;
  }

  /** What is in a folder and below, in that order. */
  *below(folder: Buffer): Generator<IndexedEntry, void, void> {
    const { entries, places } = this.ordered();
    const prefix = folder.length === 0 ? none : Buffer.concat([folder, slash]);
    const first = folder.length === 0 ? 0 : places.get(folder.toString("latin1"))! + 1;
    for (let at = first; at < entries.length; at += 1) {
      const entry = entries[at]!;
      if (!entry.path.subarray(0, prefix.length).equals(prefix)) return;
      yield entry;
    }
  }

  /** A number that the names of one file share; undefined for what has one name. */
  inodeOf(path: Buffer): bigint | undefined {
    return this.ordered().inodes.get(path.toString("latin1"));
  }

  /** How many entries there are, without the root's. */
  get count(): number {
    return this.entriesByPath.size;
  }

  /** Bytes of all regular files. */
  get size(): number {
    let sum = 0;
    for (const { size } of this.entriesByPath.values()) sum += size;
    return sum;
  }

  write(): string {
    return [this.root, ...this.entries()]
      .map((entry) => {
        const attributes = entry.attributes.map(({ name, value }) => [text(name), text(value)]);
        const { mode, uid, gid, size, digest } = entry;
        const time = entry.modifiedAt.toString();
        const link = text(entry.link);
        return `${JSON.stringify([text(entry.path), mode, uid, gid, size, time, link, attributes, digest])}\n`;
      })
      .join("");
  }

  /** Undefined where the text is not what `write` gives. */
  static read(content: string): ContextIndex | undefined {
    const index = new ContextIndex();
    try {
      for (const line of content.split("\n")) {
        if (line === "") continue;
        const entry = readEntry(JSON.parse(line));
        if (entry === undefined) return undefined;
        index.put(entry);
      }
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
    return index;
  }

  /** The folders on the way are made where they are missing. */
  private putFolders(path: Buffer): void {
    for (let at = splitPath(path).folder; at.length > 0; at = splitPath(at).folder) {
      const key = at.toString("latin1");
      const there = this.entriesByPath.get(key);
      if (there !== undefined) {
        if (!isFolder(there)) this.isExact = false;
        return;
      }
      this.set(key, { ...unspoken, path: Buffer.from(at) });
    }
  }

  private set(key: string, entry: IndexedEntry): void {
    this.entriesByPath.set(key, entry);
    if (this.inside !== undefined) note(this.inside, key);
  }

  /** All of a folder's content: a look at every path for each of thousands of folders would take minutes. */
  private removeBelow(folder: string): void {
    this.inside ??= insideOf(this.entriesByPath.keys());
    const folders = [folder];
    for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
      for (const each of this.inside.get(next) ?? []) {
        this.entriesByPath.delete(each);
        folders.push(each);
      }
      this.inside.delete(next);
    }
  }

  private ordered(): Order {
    this.order ??= orderOf(this.entriesByPath);
    return this.order;
  }
}

function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

function note(inside: Map<string, Set<string>>, key: string): void {
  const folder = folderOf(key);
  const names = inside.get(folder) ?? new Set();
  inside.set(folder, names.add(key));
}

function insideOf(keys: Iterable<string>): Map<string, Set<string>> {
  const inside = new Map<string, Set<string>>();
  for (const key of keys) note(inside, key);
  return inside;
}

interface Order {
  readonly entries: readonly IndexedEntry[];
  /** Of each path its place among the entries. */
  readonly places: ReadonlyMap<string, number>;
  readonly inodes: ReadonlyMap<string, bigint>;
}

function orderOf(all: ReadonlyMap<string, IndexedEntry>): Order {
  const sorted = [...all]
    .map(([path, entry]) => ({ path, entry, key: path.replaceAll("/", "\0") }))
    // A slash sorts before every other byte of a name.
    .toSorted((one, other) => (one.key < other.key ? -1 : 1));
  const inodes = new Map<string, bigint>();
  for (const { path, entry } of sorted) {
    if (entry.digest === null || entry.link.length === 0) continue;
    const first = entry.link.toString("latin1");
    if (all.get(first)?.digest !== entry.digest) continue;
    const inode = inodes.get(first) ?? BigInt(inodes.size + 1);
    inodes.set(first, inode).set(path, inode);
  }
  return {
    entries: sorted.map(({ entry }) => entry),
    places: new Map(sorted.map(({ path }, place) => [path, place])),
    inodes,
  };
}

const none = Buffer.alloc(0);
const slash = Buffer.from("/");

function text(bytes: Buffer): string {
  return bytes.toString("latin1");
}

function readEntry(value: unknown): IndexedEntry | undefined {
  if (!Array.isArray(value) || value.length !== 9) return undefined;
  const [path, mode, uid, gid, size, time, link, attributes, digest] = value as unknown[];
  const numbers = [mode, uid, gid, size];
  if (typeof path !== "string" || typeof link !== "string" || typeof time !== "string")
    return undefined;
  if (!numbers.every((number) => Number.isSafeInteger(number)) || !/^-?\d{1,20}$/.test(time))
    return undefined;
  if (!Array.isArray(attributes)) return undefined;
  const pairs: { readonly name: Buffer; readonly value: Buffer }[] = [];
  for (const pair of attributes as unknown[]) {
    if (!Array.isArray(pair)) return undefined;
    const [name, content] = pair as unknown[];
    if (typeof name !== "string" || typeof content !== "string") return undefined;
    pairs.push({ name: Buffer.from(name, "latin1"), value: Buffer.from(content, "latin1") });
  }
  if (digest !== null && !(typeof digest === "string" && isDigest(digest))) return undefined;
  const [plainMode, plainUid, plainGid, plainSize] = numbers as [number, number, number, number];
  return {
    path: Buffer.from(path, "latin1"),
    mode: plainMode,
    uid: plainUid,
    gid: plainGid,
    size: plainSize,
    modifiedAt: BigInt(time),
    link: Buffer.from(link, "latin1"),
    attributes: pairs,
    digest,
  };
}
