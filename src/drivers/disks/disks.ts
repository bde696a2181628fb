import { chmod, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDigest } from "../../domain/digest.ts";
import type { ChainId } from "../../domain/image.ts";
import type {
  RootSource,
  SnapshotList,
  Snapshotter,
  UnpackRequest,
} from "../../domain/snapshot.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Log } from "../../kit/log.ts";
import { OverlayDisks } from "../../kit/overlay-disks.ts";
import { BaseDisks, type DiskSizePolicy, type LayerViews } from "./base-disk.ts";

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
 * copy-on-write disk over it a container. On disk: `base/` (base-disk.ts) and `w/` (kit/overlay-disks.ts),
 * whose parents are chains.
 */
export async function createBlockSnapshotter(options: BlockOptions): Promise<Snapshotter> {
  const writable = new OverlayDisks(join(options.directory, "w"));
  await writable.load(0o711);
  await chmod(options.directory, 0o711);
  const { binary, layers, log, size = defaultSize } = options;
  const base = new BaseDisks(options.directory, { binary, layers, log, size });
  await base.load();
  return new Disks(writable, base, layers);
}

class Disks implements Snapshotter {
  readonly kind = "block";
  private readonly writable: OverlayDisks;
  private readonly base: BaseDisks;
  private readonly layers: Snapshotter;

  constructor(writable: OverlayDisks, base: BaseDisks, layers: Snapshotter) {
    this.writable = writable;
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
    const disk = this.writable.disk(key);
    const backing = await this.base.get(parent, signal);
    await this.writable.makeOver(key, parent, backing, () => failpoint("disk.prepared"));
    return source(disk, backing.size);
  }

  async root(key: string): Promise<RootSource> {
    const parent = await this.writable.parent(key, isDigest);
    const base = await stat(this.base.path(parent));
    return source(this.writable.disk(key), base.size);
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.writable.remove(key);
  }

  async committedSize(chain: ChainId): Promise<number> {
    return await this.base.allocated(chain);
  }

  async removeCommitted(chain: ChainId, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.base.remove(chain);
  }

  async usage(key: string): Promise<number> {
    return await this.writable.usage(key);
  }

  async list(): Promise<SnapshotList> {
    return { writable: await this.writable.keys(), committed: await this.base.list() };
  }
}

function source(path: string, size: number): RootSource {
  return { kind: "block", disk: { path, format: "qcow2", size, fileSystem: "ext4" } };
}
