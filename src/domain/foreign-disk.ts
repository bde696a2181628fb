import type { BlockDisk } from "./snapshot.ts";

export const foreignFormats = ["raw", "qcow2", "vmdk", "vdi", "ova"] as const;
export type ForeignFormat = (typeof foreignFormats)[number];

export type ForeignFileSystem = "ext4" | "xfs" | "btrfs";

/** A stretch of a disk with a file system that may hold a root. */
export interface ForeignPartition {
  /** As partition tables count, from 1; 0 for a file system that fills the disk. */
  readonly number: number;
  /** Bytes. */
  readonly offset: number;
  readonly size: number;
  readonly fileSystem: ForeignFileSystem;
  /** As fstab(5) may name it: `UUID=`, `LABEL=`, `PARTUUID=` and `PARTLABEL=` with what it has of them. */
  readonly names: readonly string[];
}

/** A disk from outside that was taken in. Disposing removes it. */
export interface ForeignDisk extends AsyncDisposable {
  /** The one that is most likely a root first; never empty. */
  readonly partitions: readonly ForeignPartition[];
  /**
   * The partition as a disk for a machine that only reads it; whatever is written goes with it. `topLevel`: of
   * a btrfs the folder above all subvolumes, not its default one.
   */
  open(partition: ForeignPartition, topLevel?: boolean): Promise<BlockDisk>;
}

/** Takes in disks that nobody vouches for. */
export interface ForeignDisks {
  /**
   * `format` null finds it out. Throws `invalid` DISK_REFUSED for what is no disk or names other files,
   * `too-large` DISK_TOO_LARGE, `unsupported` DISK_UNSUPPORTED for what Duet cannot read (LVM, encryption).
   */
  take(
    body: AsyncIterable<Uint8Array>,
    format: ForeignFormat | null,
    signal: AbortSignal,
  ): Promise<ForeignDisk>;
}
