import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DuetError, errnoOf } from "./errors.ts";

const parentName = "parent";

/**
 * Writable snapshots on disk: a folder each, named by its key, with a file `parent` (what it was made on, or
 * empty). Each is there whole or not at all, after a crash too: it comes and goes under a hidden name.
 */
export class SnapshotFolder {
  private readonly directory: string;
  private readonly what: string;

  /** `what` is the word for one of them in messages. */
  constructor(directory: string, what: string) {
    this.directory = directory;
    this.what = what;
  }

  /** Makes the folder; what a crash left half made or half gone goes through `remove`. */
  async load(mode: number, remove: (path: string) => Promise<void> = removeAll): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode });
    for (const name of await readdir(this.directory))
      if (isHidden(name)) await remove(join(this.directory, name));
  }

  /**
   * Path of what belongs to `key`. Throws `invalid` SNAPSHOT_KEY for a name that could mean another folder or a
   * hidden one.
   */
  path(key: string, ...names: readonly string[]): string {
    if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(key)) return join(this.directory, key, ...names);
    throw new DuetError(
      "invalid",
      "SNAPSHOT_KEY",
      `not a ${this.what}'s name: ${JSON.stringify(key.slice(0, 80))}`,
    );
  }

  /** Lets `fill` make what it holds in a new folder. Throws `conflict` SNAPSHOT_EXISTS. */
  async make(
    key: string,
    parent: string | null,
    mode: number,
    fill: (folder: string) => Promise<void>,
  ): Promise<void> {
    const path = this.path(key);
    const temporary = join(this.directory, `.tmp-${randomBytes(8).toString("hex")}`);
    await mkdir(temporary, { mode });
    try {
      await writeFile(join(temporary, parentName), parent ?? "", { mode: 0o600 });
      await fill(temporary);
      await rename(temporary, path);
    } catch (error) {
      await removeAll(temporary);
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
      throw new DuetError(
        "conflict",
        "SNAPSHOT_EXISTS",
        `there is a writable ${this.what} ${key} already`,
      );
    }
  }

  /** What it was made on, null for nothing. Throws `not-found` SNAPSHOT_NOT_FOUND, `corrupt` SNAPSHOT_DAMAGED. */
  async parent<T extends string>(
    key: string,
    isParent: (text: string) => text is T,
  ): Promise<T | null> {
    const text = await this.present(key, readFile(this.path(key, parentName), "utf8"));
    if (text === "") return null;
    if (isParent(text)) return text;
    const { what } = this;
    throw new DuetError(
      "corrupt",
      "SNAPSHOT_DAMAGED",
      `the writable ${what} ${key} names no parent`,
    );
  }

  /** What reading a file of it gives. Throws `not-found` SNAPSHOT_NOT_FOUND. */
  async present<T>(key: string, reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      throw new DuetError("not-found", "SNAPSHOT_NOT_FOUND", `no writable ${this.what} ${key}`);
    }
  }

  /** Out of sight first, then through `remove`; nothing where there is none. */
  async remove(key: string, remove: (path: string) => Promise<void> = removeAll): Promise<void> {
    await removeWhole(this.path(key), remove);
  }

  async keys(): Promise<readonly string[]> {
    return (await readdir(this.directory)).filter((name) => !isHidden(name));
  }
}

/** Renames `path` away before `remove` takes it, so that what is half gone is never taken for whole. */
export async function removeWhole(
  path: string,
  remove: (path: string) => Promise<void> = removeAll,
): Promise<void> {
  const trash = join(path, "..", `.trash-${randomBytes(8).toString("hex")}`);
  try {
    await rename(path, trash);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  await remove(trash);
}

function isHidden(name: string): boolean {
  return name.startsWith(".");
}

async function removeAll(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
