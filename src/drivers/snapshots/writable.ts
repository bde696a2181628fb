import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  rename,
  rmdir,
  stat,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "../../domain/digest.ts";
import type { ChainId } from "../../domain/image.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { folderTarget, enterTree } from "../../kit/tree/enter.ts";
import { treeOperation } from "../../kit/tree/operations.ts";

/** Names that cannot mean another folder or a temporary one. */
export function checkSnapshotKey(key: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(key)) return;
  throw new DuetError(
    "invalid",
    "SNAPSHOT_KEY",
    `not a snapshot's name: ${JSON.stringify(key.slice(0, 80))}`,
  );
}

/** On disk: `w/<key>/upper`, `w/<key>/work` and `w/<key>/parent` (a chain, or empty). */
export class WritableSnapshots {
  private readonly directory: string;
  private readonly binary: string;

  constructor(directory: string, binary: string) {
    this.directory = join(directory, "w");
    this.binary = binary;
  }

  /** Removes what crashes left half made or half removed. */
  async load(signal: AbortSignal): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.directory)) {
      if (name.startsWith(".")) await this.removeTree(name, signal);
    }
  }

  path(key: string, part: "upper" | "work" | "parent"): string {
    return join(this.directory, key, part);
  }

  /** Makes it, its root owned and permitted as the folder `like`. Throws `conflict` SNAPSHOT_EXISTS. */
  async make(key: string, parent: ChainId | null, like: string): Promise<void> {
    const temporary = join(this.directory, `.tmp-${randomBytes(8).toString("hex")}`);
    const root = await stat(like);
    await mkdir(join(temporary, "upper"), { recursive: true, mode: 0o755 });
    await mkdir(join(temporary, "work"), { mode: 0o700 });
    await chown(join(temporary, "upper"), root.uid, root.gid);
    await chmod(join(temporary, "upper"), root.mode & 0o7777);
    await writeFile(join(temporary, "parent"), parent ?? "", { mode: 0o600 });
    try {
      await rename(temporary, join(this.directory, key));
    } catch (error) {
      await this.removePlain(temporary);
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
      throw new DuetError(
        "conflict",
        "SNAPSHOT_EXISTS",
        `there is a writable snapshot ${key} already`,
      );
    }
  }

  /** Throws `not-found` SNAPSHOT_NOT_FOUND. */
  async parent(key: string): Promise<ChainId | null> {
    let text: string;
    try {
      text = await readFile(this.path(key, "parent"), "utf8");
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      throw new DuetError("not-found", "SNAPSHOT_NOT_FOUND", `no writable snapshot ${key}`);
    }
    if (text === "" || isDigest(text)) return text === "" ? null : text;
    throw new DuetError(
      "corrupt",
      "SNAPSHOT_DAMAGED",
      `the writable snapshot ${key} names no parent`,
    );
  }

  /**
   * Moves what was written to `folder`, which is empty; a snapshot without it is left. The root itself becomes
   * as the folder `like`, for no layer's tar says anything of it.
   */
  async giveAway(key: string, folder: string, like: string): Promise<void> {
    await this.parent(key);
    const root = await stat(like);
    await rename(this.path(key, "upper"), folder);
    await chown(folder, root.uid, root.gid);
    await chmod(folder, root.mode & 0o7777);
    await utimes(folder, root.atime, root.mtime);
  }

  /** Idempotent. First out of sight, then away. */
  async remove(key: string, signal: AbortSignal): Promise<void> {
    const trash = `.trash-${randomBytes(8).toString("hex")}`;
    try {
      await rename(join(this.directory, key), join(this.directory, trash));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      throw error;
    }
    if (!(await this.removePlain(join(this.directory, trash))))
      await this.removeTree(trash, signal);
  }

  async keys(): Promise<readonly string[]> {
    return (await readdir(this.directory)).filter((name) => !name.startsWith("."));
  }

  /** Where nothing was written this is all there is to remove, and no helper is needed. */
  private async removePlain(path: string): Promise<boolean> {
    try {
      await rmdir(join(path, "upper")).catch(ignoreMissing);
      await rmdir(join(path, "work", "work")).catch(ignoreMissing);
      await rmdir(join(path, "work", "index")).catch(ignoreMissing);
      await rmdir(join(path, "work"));
      await unlink(join(path, "parent")).catch(ignoreMissing);
      await rmdir(path);
      return true;
    } catch {
      return false;
    }
  }

  private async removeTree(name: string, signal: AbortSignal): Promise<void> {
    await removeBelow(this.binary, this.directory, name, signal);
  }
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== "ENOENT") throw error;
}

/** Removes `folder`/`name` and all below, following nothing, however deep it is. */
export async function removeBelow(
  binary: string,
  folder: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await using tree = await enterTree(binary, folderTarget(folder), {}, signal);
  tree.link.operation(treeOperation.remove).bytes(Buffer.from(name));
  await tree.link.post();
  await tree.link.barrier(signal);
}
