import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../domain/digest.ts";
import type { ChainId, Descriptor } from "../../domain/image.ts";
import type { Mount } from "../../domain/mount.ts";
import { spending } from "../../domain/pull-phases.ts";
import type {
  AdoptedLayer,
  RootSource,
  SnapshotList,
  Snapshotter,
  StageRequest,
  StagedLayer,
  UnpackRequest,
} from "../../domain/snapshot.ts";
import { never, race } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";
import { enterTree, folderTarget } from "../../kit/tree/enter.ts";
import { treeOperation } from "../../kit/tree/operations.ts";
import { walkTree } from "../../kit/tree/walk.ts";
import { Turns } from "../../kit/turns.ts";
import { LayerRecords, type LayerRecord } from "./layer-records.ts";
import { defaultUnpackLimits, type UnpackLimits } from "./limits.ts";
import { StagedFolder, type Filled } from "./staged.ts";
import { adoptFolders, unpackLayer, type UnpackedLayer } from "./unpack-layer.ts";
import { removeBelow, WritableSnapshots } from "./writable.ts";

export interface OverlayOptions {
  /** Absolute path of a folder of its own; made where missing. */
  readonly directory: string;
  /** Absolute path of duet-rootfs. */
  readonly binary: string;
  readonly log: Log;
  readonly limits?: Partial<UnpackLimits>;
}

/** Overlay snapshots, and read-only views of committed ones for who makes disks of them. */
export interface OverlaySnapshotter extends Snapshotter {
  /** Mounts of the layers up to `chain`, read-only. */
  view(chain: ChainId | null): Promise<readonly Mount[]>;
  /** Bytes of the files in the layers up to `chain`, and how many members they had. */
  measure(chain: ChainId | null): { readonly size: number; readonly entries: number };
  /** Resolves when no layer waits to be flushed to disk any more, or flushing has failed. */
  flushed(): Promise<void>;
}

/** Layers unpacked at a time. */
const concurrency = 2;
/** How long layers that a build makes wait for others to be flushed with. */
const gatheringMilliseconds = 2_000;
/** The layer that an image without layers has. */
const emptyFolder = "0";
/** Neither followed nor made: marks in a layer must not lead to other places (overlayfs.rst). */
const guards = ["redirect_dir=nofollow", "metacopy=off", "index=off"];

/** Opens the snapshots in `directory` and clears what a crash left there. */
export async function createOverlaySnapshotter(
  options: OverlayOptions,
): Promise<OverlaySnapshotter> {
  await mkdir(options.directory, { recursive: true, mode: 0o710 });
  const records = new LayerRecords(options.directory);
  const writable = new WritableSnapshots(options.directory, options.binary);
  const orphans = await records.load(options.log);
  await mkdir(records.path(emptyFolder), { recursive: true, mode: 0o755 });
  await writable.load(never);
  const snapshotter = new Overlay(options, records, writable);
  for (const folder of orphans) {
    options.log.info("orphan-layer-removed", { folder });
    await removeBelow(options.binary, join(options.directory, "l"), folder, never);
  }
  snapshotter.flushLater();
  return snapshotter;
}

class Overlay implements OverlaySnapshotter {
  readonly kind = "directory";
  private readonly options: OverlayOptions;
  private readonly limits: UnpackLimits;
  private readonly records: LayerRecords;
  private readonly writable: WritableSnapshots;
  private readonly locks = new KeyedLock();
  private flushing: Promise<void> | undefined;
  private soon: NodeJS.Timeout | undefined;

  constructor(options: OverlayOptions, records: LayerRecords, writable: WritableSnapshots) {
    this.options = options;
    this.limits = { ...defaultUnpackLimits, ...options.limits };
    this.records = records;
    this.writable = writable;
  }

  async has(chain: ChainId): Promise<boolean> {
    return this.records.get(chain) !== undefined;
  }

  async committedSize(chain: ChainId): Promise<number> {
    return this.records.get(chain)?.size ?? 0;
  }

  async unpack(request: UnpackRequest, signal: AbortSignal): Promise<void> {
    const { layers, diffIds, chains } = request;
    if (layers.length !== diffIds.length || layers.length !== chains.length) {
      throw new DuetError(
        "invalid",
        "LAYER_COUNT",
        "an image's manifest and config name different numbers of layers",
      );
    }
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const done: Promise<void>[] = [];
    const turns = new Turns(concurrency);
    for (const index of layers.keys()) {
      const before = done[index - 1] ?? Promise.resolve();
      done.push(this.layer(request, index, before, turns, both));
    }
    const failures: unknown[] = [];
    for (const layer of done) {
      layer.catch((error: unknown) => {
        failures.push(error);
        stop.abort(error);
      });
    }
    await Promise.allSettled(done);
    if (failures.length > 0) throw failures[0];
    this.flushLater();
  }

  stage(request: StageRequest, signal: AbortSignal): StagedLayer {
    const remove = (folder: string): Promise<void> => this.removeFolder(folder);
    const { options, records, limits } = this;
    return new StagedFolder(options.binary, records, limits, request, remove, signal);
  }

  async prepare(key: string, parent: ChainId | null, signal: AbortSignal): Promise<RootSource> {
    signal.throwIfAborted();
    const top = this.records.stack(parent)[0]?.folder ?? emptyFolder;
    await this.writable.make(key, parent, this.records.path(top));
    await failpoint("snapshot.prepared");
    return this.source(key, parent);
  }

  async root(key: string): Promise<RootSource> {
    return this.source(key, await this.writable.parent(key));
  }

  async adopt(key: string, layer: AdoptedLayer, signal: AbortSignal): Promise<void> {
    const { chain, parent, size, entries } = layer;
    await this.locks.run(chain, signal, async () => {
      if (this.records.get(chain) !== undefined) return;
      const below = this.records.stack(parent)[0]?.folder ?? emptyFolder;
      const folder = await this.records.makeFolder();
      await this.writable.giveAway(key, this.records.path(folder), this.records.path(below));
      await failpoint("snapshot.adopted");
      const { boot } = this.records;
      await this.records.put({ chain, parent, folder, size, entries, boot, synced: false });
    });
    await this.writable.remove(key, signal);
    this.flushSoon();
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    await this.writable.remove(key, signal);
  }

  async removeCommitted(chain: ChainId, signal: AbortSignal): Promise<void> {
    await this.locks.run(chain, signal, async () => {
      const record = await this.records.delete(chain);
      if (record === undefined) return;
      await failpoint("snapshot.record-removed");
      await this.removeFolder(record.folder);
    });
  }

  private async removeFolder(folder: string): Promise<void> {
    await removeBelow(this.options.binary, join(this.options.directory, "l"), folder, never);
  }

  async usage(key: string): Promise<number> {
    await this.writable.parent(key);
    const target = folderTarget(this.writable.path(key, "upper"));
    await using tree = await enterTree(this.options.binary, target, { readonly: true }, never);
    let size = 0;
    for await (const step of walkTree(tree.link, Buffer.alloc(0), { content: false }, never)) {
      if (step.kind === "entry" && !step.entry.seen && (step.entry.mode & 0o170000) === 0o100000) {
        size += step.entry.size;
      }
    }
    return size;
  }

  async list(): Promise<SnapshotList> {
    return {
      writable: await this.writable.keys(),
      committed: this.records.all().map((record) => record.chain),
    };
  }

  async view(chain: ChainId | null): Promise<readonly Mount[]> {
    /* Never one folder alone: overlayfs wants two, and its marks show where it is not asked. */
    const lower = [...new Set([...this.lowerFolders(chain), this.records.path(emptyFolder)])];
    if (lower.length === 1)
      return [{ type: "bind", source: lower[0]!, target: "", options: ["bind", "ro"] }];
    const options = [`lowerdir=${lower.join(":")}`, ...guards, "ro"];
    return [{ type: "overlay", source: "overlay", target: "", options }];
  }

  measure(chain: ChainId | null): { readonly size: number; readonly entries: number } {
    const layers = this.records.stack(chain);
    return {
      size: layers.reduce((sum, layer) => sum + layer.size, 0),
      entries: layers.reduce((sum, layer) => sum + layer.entries, 0),
    };
  }

  async flushed(): Promise<void> {
    if (this.soon !== undefined) this.flushLater();
    await this.flushing;
  }

  /** More layers of the same build are about to come: one flush does for them all. */
  private flushSoon(): void {
    this.soon ??= setTimeout(() => this.flushLater(), gatheringMilliseconds).unref();
  }

  /** Brings layers to disk in the background, then notes that they are there. */
  flushLater(): void {
    clearTimeout(this.soon);
    this.soon = undefined;
    if (this.flushing !== undefined) return;
    this.flushing = this.flushWaiting()
      .catch((error: unknown) => this.options.log.warn("layers-not-flushed", { error }))
      .finally(() => (this.flushing = undefined));
  }

  private async flushWaiting(): Promise<void> {
    for (;;) {
      const waiting = this.records.all().filter((record) => !record.synced);
      if (waiting.length === 0) return;
      const target = folderTarget(this.options.directory);
      await using tree = await enterTree(this.options.binary, target, {}, never);
      await tree.link.answer(treeOperation.sync, () => undefined, never);
      for (const record of waiting) await this.records.markSynced(record);
    }
  }

  private lowerFolders(chain: ChainId | null): readonly string[] {
    const layers = this.records.stack(chain);
    if (layers.length === 0) return [this.records.path(emptyFolder)];
    return layers.map((layer) => this.records.path(layer.folder));
  }

  private source(key: string, parent: ChainId | null): RootSource {
    const lower = this.lowerFolders(parent);
    const options = [
      `lowerdir=${lower.join(":")}`,
      `upperdir=${this.writable.path(key, "upper")}`,
      `workdir=${this.writable.path(key, "work")}`,
      ...guards,
    ];
    return {
      kind: "directory",
      mounts: [{ type: "overlay", source: "overlay", target: "", options }],
    };
  }

  /** One layer: unpacks when its turn comes, publishes after the layer below it. */
  private async layer(
    request: UnpackRequest,
    index: number,
    before: Promise<void>,
    turns: Turns,
    signal: AbortSignal,
  ): Promise<void> {
    const chain = request.chains[index]!;
    await this.locks.run(chain, signal, async () => {
      if (this.records.get(chain) !== undefined) return;
      const taken = await takeStaged(request.staged?.(index), request.diffIds[index]!);
      const folder = taken?.folder ?? (await this.records.makeFolder());
      try {
        const unpacked =
          taken?.unpacked ??
          (await turns.run(signal, () => this.fill(request, index, folder, signal)));
        await race(before, signal);
        const parent = request.chains[index - 1] ?? null;
        const layer = { chain, parent, folder };
        await spending(request.tally, "publish", () => this.publish(layer, unpacked, signal));
      } catch (error) {
        await this.removeFolder(folder);
        throw error;
      }
    });
    await race(before, signal);
  }

  /** Makes a filled folder the layer over `parent`. */
  private async publish(
    layer: Pick<LayerRecord, "chain" | "parent" | "folder">,
    unpacked: UnpackedLayer,
    signal: AbortSignal,
  ): Promise<void> {
    const { parent } = layer;
    if (parent !== null) {
      const folder = this.records.path(layer.folder);
      const lower = { kind: "mounts", mounts: await this.view(parent) } as const;
      await adoptFolders(this.options.binary, folder, lower, unpacked.undescribed, signal);
    }
    await failpoint("snapshot.unpacked");
    const { size, entries, rootOpaque } = unpacked;
    const made = { size, entries, boot: this.records.boot, synced: false };
    await this.records.put({ ...layer, ...made, ...(rootOpaque ? { rootOpaque } : {}) });
  }

  private async fill(
    request: UnpackRequest,
    index: number,
    folder: string,
    signal: AbortSignal,
  ): Promise<UnpackedLayer> {
    const layer: Descriptor = request.layers[index]!;
    const source = {
      blob: await race(request.open(layer), signal),
      diffId: request.diffIds[index]!,
      limits: this.limits,
      progress: (bytes: number) => request.progress(layer, bytes),
      ...(request.tally === undefined ? {} : { tally: request.tally }),
    };
    return await unpackLayer(this.options.binary, this.records.path(folder), source, signal);
  }
}

/** What was staged, where it is really that layer; why it failed shows when the layer is unpacked again. */
async function takeStaged(
  staged: StagedLayer | undefined,
  diffId: Digest,
): Promise<Filled | undefined> {
  if (!(staged instanceof StagedFolder)) return undefined;
  const found = await staged.diffId.catch(() => undefined);
  return found === diffId ? await staged.take() : undefined;
}
