import type { ContextEntry } from "../../domain/build/files.ts";
import { isDigest, type Digest } from "../../domain/digest.ts";

/** What is known of one path of a context; `digest` is that of a regular file's content, else null. */
export interface IndexedEntry extends ContextEntry {
  readonly digest: Digest | null;
}

/**
 * The entries of one context by path. On disk one JSON array a line, byte strings as latin1:
 * `[path, mode, uid, gid, size, modifiedAt, link, [[name, value], ...], digest]`.
 */
export class ContextIndex {
  private readonly entriesByPath = new Map<string, IndexedEntry>();
  private ordered: readonly IndexedEntry[] | undefined;

  get(path: Buffer): IndexedEntry | undefined {
    return this.entriesByPath.get(path.toString("latin1"));
  }

  put(entry: IndexedEntry): void {
    this.ordered = undefined;
    this.entriesByPath.set(entry.path.toString("latin1"), entry);
  }

  /** Forgets a path and all below it. */
  remove(path: Buffer): void {
    this.ordered = undefined;
    const key = path.toString("latin1");
    const entry = this.entriesByPath.get(key);
    this.entriesByPath.delete(key);
    if (entry !== undefined && (entry.mode & 0o170000) !== 0o040000) return;
    const below = `${key}/`;
    for (const each of this.entriesByPath.keys()) {
      if (each.startsWith(below)) this.entriesByPath.delete(each);
    }
  }

  clear(): void {
    this.ordered = undefined;
    this.entriesByPath.clear();
  }

  /** Sorted component by component, so that a folder comes straight before its content. */
  entries(): readonly IndexedEntry[] {
    this.ordered ??= [...this.entriesByPath.values()]
      .map((entry) => ({ entry, key: sortKey(entry.path) }))
      .toSorted((one, other) => (one.key < other.key ? -1 : 1))
      .map(({ entry }) => entry);
    return this.ordered;
  }

  /** Bytes of all regular files. */
  get size(): number {
    let sum = 0;
    for (const { size } of this.entriesByPath.values()) sum += size;
    return sum;
  }

  write(): string {
    return this.entries()
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
        index.entriesByPath.set(entry.path.toString("latin1"), entry);
      }
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
    return index;
  }
}

/** A slash sorts before every other byte of a name. */
function sortKey(path: Buffer): string {
  return path.toString("latin1").replaceAll("/", "\0");
}

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
