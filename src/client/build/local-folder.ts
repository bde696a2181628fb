import { constants, type BigIntStats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { compileIgnore, type IgnoreMatcher } from "../../kit/patterns/ignore.ts";

/** Something in a folder of this host; paths and links are bytes, relative to the folder. */
export interface LocalEntry {
  readonly path: Buffer;
  /** Where it is on this host. */
  readonly place: Buffer;
  readonly stats: BigIntStats;
  /** Target of a symbolic link; the first path of a file with several; empty for others. */
  readonly link: Buffer;
}

/** What of a folder is wanted. */
export interface FolderSelection {
  /** Patterns as in .dockerignore. */
  readonly exclude: readonly string[];
  /** Patterns of paths, and where their links lead; [] for all. */
  readonly follow: readonly string[];
}

/**
 * What a folder holds, folders before their content, siblings by the bytes of their names. What vanishes meanwhile is left
 * out. Throws `not-found` FOLDER_NOT_FOUND.
 */
export async function* walkFolder(
  folder: string,
  selection: FolderSelection,
): AsyncGenerator<LocalEntry, void, undefined> {
  const root = Buffer.from(folder);
  const follow = await withLinks(root, selection.follow);
  const walk = new Walk(root, {
    exclude: compileIgnore(selection.exclude),
    include: follow.length === 0 ? null : compileIgnore(follow),
    follow,
  });
  yield* walk.below(Buffer.alloc(0), []);
}

interface Filter {
  readonly exclude: IgnoreMatcher;
  readonly include: IgnoreMatcher | null;
  readonly follow: readonly string[];
}

class Walk {
  private readonly root: Buffer;
  private readonly filter: Filter;
  private readonly inodes = new Map<string, Buffer>();

  constructor(root: Buffer, filter: Filter) {
    this.root = root;
    this.filter = filter;
  }

  /** `waiting` are folders above that were left out, and come along with the first of what is in them. */
  async *below(path: Buffer, waiting: LocalEntry[]): AsyncGenerator<LocalEntry, void, undefined> {
    const names = await namesIn(join(this.root, path));
    for (const name of names) {
      const at = join(path, name);
      const entry = await this.entry(at);
      if (entry === undefined) continue;
      const text = at.toString("utf8");
      const isFolder = kindOf(entry) === constants.S_IFDIR;
      const taken = this.takes(text);
      if (taken) {
        yield* waiting.splice(0);
        yield this.withFirstName(entry);
      }
      if (!isFolder || this.skips(text, taken)) continue;
      const own = taken ? [] : [...waiting, entry];
      let some = false;
      for await (const inside of this.below(at, own)) {
        some = true;
        yield inside;
      }
      if (some) waiting.length = 0;
    }
  }

  private takes(path: string): boolean {
    const { exclude, include } = this.filter;
    return (include === null || include.ignores(path)) && !exclude.ignores(path);
  }

  private skips(path: string, taken: boolean): boolean {
    const { exclude, include, follow } = this.filter;
    if (exclude.canSkip(path)) return true;
    if (taken || include === null || include.ignores(path)) return false;
    /* Something wanted may be below: a pattern goes on where the path ends. */
    return !follow.some((pattern) => /[*?[\\]/.test(pattern) || pattern.startsWith(`${path}/`));
  }

  private async entry(path: Buffer): Promise<LocalEntry | undefined> {
    const place = join(this.root, path);
    try {
      const stats = await lstat(place, { bigint: true });
      const isLink = stats.isSymbolicLink();
      const link = isLink ? await readlink(place, { encoding: "buffer" }) : Buffer.alloc(0);
      return stats.isSocket() ? undefined : { path, place, stats, link };
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  /** A file that was told under another name is told as a link to it. */
  private withFirstName(entry: LocalEntry): LocalEntry {
    const { stats, path } = entry;
    if (!stats.isFile() || stats.nlink < 2n) return entry;
    const key = `${stats.dev}:${stats.ino}`;
    const first = this.inodes.get(key);
    if (first === undefined) this.inodes.set(key, path);
    return first === undefined ? entry : { ...entry, link: first };
  }
}

export function kindOf({ stats }: LocalEntry): number {
  return Number(stats.mode) & constants.S_IFMT;
}

async function namesIn(folder: Buffer): Promise<readonly Buffer[]> {
  try {
    const names = await readdir(folder, { encoding: "buffer" });
    return names.toSorted((one, other) => one.compare(other));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error;
    throw new DuetError(
      "not-found",
      "FOLDER_NOT_FOUND",
      `no folder ${JSON.stringify(folder.toString("utf8"))}`,
    );
  }
}

const mostFollowed = 1_000;

/** The patterns, and paths that links of theirs lead to, all inside the folder. */
async function withLinks(root: Buffer, patterns: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  const waiting = [...patterns];
  while (waiting.length > 0 && found.size < mostFollowed) {
    const pattern = waiting.pop()!.replace(/^\/+|\/+$/g, "");
    if (found.has(pattern) || pattern === "") continue;
    found.add(pattern);
    const parts = pattern.split("/");
    for (let count = 1; count <= parts.length; count += 1) {
      const path = parts.slice(0, count).join("/");
      if (/[*?[\\]/.test(path)) break;
      const target = await targetOf(root, path);
      if (target === undefined) continue;
      found.add(path);
      const base = target.startsWith("/") ? [] : parts.slice(0, count - 1);
      waiting.push([...resolve(base, target), ...parts.slice(count)].join("/"));
      break;
    }
  }
  return [...found];
}

async function targetOf(root: Buffer, path: string): Promise<string | undefined> {
  try {
    return await readlink(join(root, Buffer.from(path)), "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "EINVAL" || errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw error;
  }
}

function resolve(base: readonly string[], target: string): readonly string[] {
  const done = [...base];
  for (const part of target.split("/")) {
    if (part === "..") done.pop();
    else if (part !== "" && part !== ".") done.push(part);
  }
  return done;
}

function join(folder: Buffer, name: Buffer): Buffer {
  if (folder.length === 0) return name;
  return name.length === 0 ? folder : Buffer.concat([folder, Buffer.from("/"), name]);
}
