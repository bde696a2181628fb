import { chmod, chown, mkdir, rename, rmdir, stat, unlink, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isDigest } from "../../domain/digest.ts";
import type { ChainId } from "../../domain/image.ts";
import { errnoOf } from "../../kit/errors.ts";
import { SnapshotFolder } from "../../kit/snapshot-folder.ts";
import { folderTarget, enterTree } from "../../kit/tree/enter.ts";
import { treeOperation } from "../../kit/tree/operations.ts";

/** On disk: `w/<key>/upper` and `w/<key>/work`; parents are chains. */
export class WritableSnapshots {
  private readonly binary: string;
  private readonly folder: SnapshotFolder;

  constructor(directory: string, binary: string) {
    this.binary = binary;
    this.folder = new SnapshotFolder(join(directory, "w"), "snapshot");
  }

  /** Removes what crashes left half made or half removed. */
  async load(signal: AbortSignal): Promise<void> {
    await this.folder.load(0o700, (path) => this.removeTree(path, signal));
  }

  /** Throws `invalid` SNAPSHOT_KEY. */
  path(key: string, part: "upper" | "work"): string {
    return this.folder.path(key, part);
  }

  /** Makes it, its root owned and permitted as the folder `like`. Throws `conflict` SNAPSHOT_EXISTS. */
  async make(key: string, parent: ChainId | null, like: string): Promise<void> {
    const root = await stat(like);
    await this.folder.make(key, parent, 0o755, async (folder) => {
      const upper = join(folder, "upper");
      await mkdir(upper, { mode: 0o755 });
      await mkdir(join(folder, "work"), { mode: 0o700 });
      await chown(upper, root.uid, root.gid);
      await chmod(upper, root.mode & 0o7777);
    });
  }

  /** Throws `not-found` SNAPSHOT_NOT_FOUND. */
  async parent(key: string): Promise<ChainId | null> {
    return await this.folder.parent(key, isDigest);
  }

  /**
   * Moves what was written to `folder`, which is empty; a snapshot without it is left. The root itself becomes
   * as the folder `like`, for no layer's tar says anything of it.
   */
  async giveAway(key: string, folder: string, like: string): Promise<void> {
    const root = await stat(like);
    await this.folder.present(key, rename(this.path(key, "upper"), folder));
    await chown(folder, root.uid, root.gid);
    await chmod(folder, root.mode & 0o7777);
    await utimes(folder, root.atime, root.mtime);
  }

  /** Idempotent. */
  async remove(key: string, signal: AbortSignal): Promise<void> {
    await this.folder.remove(key, async (path) => {
      if (!(await this.removePlain(path))) await this.removeTree(path, signal);
    });
  }

  async keys(): Promise<readonly string[]> {
    return await this.folder.keys();
  }

  /** Where nothing was written this is all there is to remove, and no helper is needed. */
  private async removePlain(path: string): Promise<boolean> {
    try {
      await rmdir(join(path, "upper")).catch(ignoreMissing);
      await rmdir(join(path, "work", "work")).catch(ignoreMissing);
      await rmdir(join(path, "work")).catch(async () => {
        await rmdir(join(path, "work", "index"));
        await rmdir(join(path, "work"));
      });
      await unlink(join(path, "parent")).catch(ignoreMissing);
      await rmdir(path);
      return true;
    } catch {
      return false;
    }
  }

  private async removeTree(path: string, signal: AbortSignal): Promise<void> {
    await removeBelow(this.binary, dirname(path), basename(path), signal);
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
