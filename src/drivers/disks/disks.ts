import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "../../domain/digest.ts";
import type { ChainId } from "../../domain/image.ts";
import type { RootSource, Snapshotter, UnpackRequest } from "../../domain/snapshot.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Log } from "../../kit/log.ts";
import { BaseDisks, type DiskSizePolicy, type LayerViews } from "./base-disk.ts";
import { writeOverlayDisk } from "../../kit/qcow2.ts";

export interface BlockOptions {
  /** Absolute path of a folder of its own; made where missing. */
  readonly directory: string;
  /** Absolute path of duet-rootfs. */
  readonly binary: string;
  /** Where layers are unpacked, and what shows them merged. */
  readonly layers: Snapshotter & LayerViews;
  readonly log: Log;
  readonly size?: DiskSizePolicy;
}

const defaultSize: DiskSizePolicy = { minimum: 10 * 2 ** 30, free: 4 * 2 ** 30 };

/**
 * Roots for virtual machines: one ext4 disk a chain, made when it is first wanted, and an empty
 * copy-on-write disk over it a container. On disk: `base/` (base-disk.ts), `w/<key>/disk.qcow2` and
 * `w/<key>/parent` (a chain, or empty).
 */
export async function createBlockSnapshotter(options: BlockOptions): Promise<Snapshotter> {
  await mkdir(join(options.directory, "w"), { recursive: true, mode: 0o711 });
  await chmod(options.directory, 0o711);
  for (const name of await readdir(join(options.directory, "w"))) {
    if (!name.startsWith(".")) continue;
    await rm(join(options.directory, "w", name), { recursive: true, force: true });
  }
  const { binary, layers, log, size = defaultSize } = options;
  const base = new BaseDisks(options.directory, { binary, layers, log, size });
  await base.load();
  return new Disks(join(options.directory, "w"), base, layers);
}

class Disks implements Snapshotter {
  readonly kind = "block";
  private readonly directory: string;
  private readonly base: BaseDisks;
  private readonly layers: Snapshotter;

  constructor(directory: string, base: BaseDisks, layers: Snapshotter) {
    this.directory = directory;
    this.base = base;
    this.layers = layers;
  }

  async has(chain: ChainId): Promise<boolean> {
    return await this.layers.has(chain);
  }

  async unpack(request: UnpackRequest, signal: AbortSignal): Promise<void> {
    await this.layers.unpack(request, signal);
  }

  async prepare(key: string, parent: ChainId | null, signal: AbortSignal): Promise<RootSource> {
    checkKey(key);
    const backing = await this.base.get(parent, signal);
    const temporary = join(this.directory, `.tmp-${randomBytes(8).toString("hex")}`);
    await mkdir(temporary, { mode: 0o711 });
    try {
      await writeOverlayDisk(join(temporary, "disk.qcow2"), backing.path, backing.size);
      await writeFile(join(temporary, "parent"), parent ?? "", { mode: 0o600 });
      await failpoint("disk.prepared");
      await rename(temporary, join(this.directory, key));
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
      throw new DuetError("conflict", "SNAPSHOT_EXISTS", `there is a writable disk ${key} already`);
    }
    return this.source(key, backing.size);
  }

  async root(key: string): Promise<RootSource> {
    checkKey(key);
    const base = await stat(this.base.path(await this.parent(key)));
    return this.source(key, base.size);
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    checkKey(key);
    signal.throwIfAborted();
    const trash = join(this.directory, `.trash-${randomBytes(8).toString("hex")}`);
    try {
      await rename(join(this.directory, key), trash);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      throw error;
    }
    await rm(trash, { recursive: true, force: true });
  }

  async committedSize(chain: ChainId): Promise<number> {
    return await this.base.allocated(chain);
  }

  async removeCommitted(chain: ChainId, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.base.remove(chain);
  }

  async usage(key: string): Promise<number> {
    checkKey(key);
    try {
      return (await stat(join(this.directory, key, "disk.qcow2"))).blocks * 512;
    } catch (error) {
      throw errnoOf(error) === "ENOENT" ? notFound(key) : error;
    }
  }

  async list(): Promise<{
    readonly writable: readonly string[];
    readonly committed: readonly ChainId[];
  }> {
    const names = await readdir(this.directory);
    return {
      writable: names.filter((name) => !name.startsWith(".")),
      committed: await this.base.list(),
    };
  }

  private source(key: string, size: number): RootSource {
    const path = join(this.directory, key, "disk.qcow2");
    return { kind: "block", disk: { path, format: "qcow2", size, fileSystem: "ext4" } };
  }

  private async parent(key: string): Promise<ChainId | null> {
    let text: string;
    try {
      text = await readFile(join(this.directory, key, "parent"), "utf8");
    } catch (error) {
      throw errnoOf(error) === "ENOENT" ? notFound(key) : error;
    }
    if (text === "" || isDigest(text)) return text === "" ? null : text;
    throw new DuetError("corrupt", "SNAPSHOT_DAMAGED", `the writable disk ${key} names no parent`);
  }
}

function notFound(key: string): DuetError {
  return new DuetError("not-found", "SNAPSHOT_NOT_FOUND", `no writable disk ${key}`);
}

/** Names that cannot mean another folder or a temporary one. */
function checkKey(key: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/.test(key)) return;
  throw new DuetError(
    "invalid",
    "SNAPSHOT_KEY",
    `not a disk's name: ${JSON.stringify(key.slice(0, 80))}`,
  );
}
