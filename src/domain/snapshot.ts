import type { ChainId } from "./image.ts";
import type { Mount } from "./mount.ts";
import type { Descriptor } from "./image.ts";
import type { Digest } from "./digest.ts";
import type { PhaseTally } from "./pull-phases.ts";

/** How a runtime wants the root file system. */
export type RootKind = "directory" | "block" | "machine";

/** A writable root, ready to be used. */
export type RootSource =
  | { readonly kind: "directory"; readonly mounts: readonly Mount[] }
  | {
      readonly kind: "block";
      readonly disk: BlockDisk;
      /** Binds of the host's that are to be seen in it while it is opened; sockets are left out. */
      readonly mounts?: readonly Mount[];
    }
  | { readonly kind: "machine"; readonly disk: MachineDisk };

/** A whole disk, with what boots it: nothing of it is known to the host but its size. */
export interface MachineDisk {
  /** Absolute path of the qcow2 file that takes what the machine writes. */
  readonly path: string;
  /** Bytes that the machine sees. */
  readonly size: number;
  /** What it is copied on write over: shared by machines, never written, and of a format that is not asked of it. */
  readonly base: { readonly path: string; readonly format: "raw" | "qcow2" };
  readonly firmware: "bios" | "uefi";
}

export interface BlockDisk {
  /** Absolute path of the writable disk file. */
  readonly path: string;
  readonly format: "qcow2" | "raw";
  /** Bytes that the guest sees. */
  readonly size: number;
  /** File system of the root on it. */
  readonly fileSystem: "ext4" | "erofs" | "xfs" | "btrfs";
  /**
   * Of a disk that nobody vouches for: the file that this one is copied on write over, from a byte of it on.
   * Its machine mounts it only for reading.
   */
  readonly foreign?: {
    readonly path: string;
    readonly format: "raw" | "qcow2" | "vmdk" | "vdi";
    readonly offset: number;
    /** Of btrfs: whether the folder above all subvolumes is mounted, and not the default one. */
    readonly topLevel: boolean;
  };
}

/**
 * Gives root file systems from layers, copy-on-write.
 *
 * - A *committed* snapshot is read-only and named by the ChainId of its layers.
 * - A *writable* snapshot is named by a container id and has a committed parent (or none: empty).
 *
 * `unpack` makes committed ones, `prepare` writable ones. All are recognised on disk by name only,
 * so garbage collection is `list` minus roots.
 */
export interface Snapshotter {
  readonly kind: RootKind;
  has(chain: ChainId): Promise<boolean>;
  /**
   * Applies the layers of an image in order, skipping chains that exist; `chains[i]` is the chain
   * up to layer i. Layers may be unpacked side by side. `open` gives a layer's blob, still compressed.
   */
  unpack(request: UnpackRequest, signal: AbortSignal): Promise<void>;
  /**
   * Begins to unpack a layer whose image is not known yet, or not verified; `unpack` takes it over
   * where it turns out to be one of its own. Absent where layers are no directories.
   */
  stage?(request: StageRequest, signal: AbortSignal): StagedLayer;
  /** `size` is asked of disks only: throws `invalid` DISK_TOO_SMALL where the parent's is larger. */
  prepare(
    key: string,
    parent: ChainId | null,
    signal: AbortSignal,
    size?: number,
  ): Promise<RootSource>;
  /** The same answer as `prepare` gave, for an existing writable snapshot. */
  root(key: string): Promise<RootSource>;
  /**
   * Makes a writable snapshot's own files the committed layer `chain` on its parent, as they are, without
   * reading them; the snapshot is gone then. They must be what the layer's tar says. Does nothing but remove
   * where the chain exists. Absent where layers are no directories.
   */
  adopt?(key: string, layer: AdoptedLayer, signal: AbortSignal): Promise<void>;
  remove(key: string, signal: AbortSignal): Promise<void>;
  removeCommitted(chain: ChainId, signal: AbortSignal): Promise<void>;
  /** Bytes of the writable part. */
  usage(key: string): Promise<number>;
  /** Bytes of a committed layer's own files, or that its disk takes; 0 where it is absent. */
  committedSize(chain: ChainId): Promise<number>;
  /** Whether the layers up to `chain` have what this one makes roots from; absent where all have. */
  suits?(chain: ChainId | null, signal: AbortSignal): Promise<boolean>;
  /** Mounts of the layers up to `chain`, read-only; absent where they are no directories. */
  view?(chain: ChainId | null): Promise<readonly Mount[]>;
  list(): Promise<SnapshotList>;
}

/** Keys of writable snapshots, and chains that have a committed one. */
export interface SnapshotList {
  readonly writable: readonly string[];
  readonly committed: readonly ChainId[];
}

export interface AdoptedLayer {
  readonly chain: ChainId;
  /** Of the writable snapshot, or of what its layer is put on where it was made on nothing. */
  readonly parent: ChainId | null;
  /** Bytes of its files. */
  readonly size: number;
  readonly entries: number;
}

export interface UnpackRequest {
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  readonly chains: readonly ChainId[];
  open(layer: Descriptor): Promise<AsyncIterable<Buffer>>;
  progress(layer: Descriptor, unpackedBytes: number): void;
  /** What was staged of the layer at `index`, if anything. */
  staged?(index: number): StagedLayer | undefined;
  readonly tally?: PhaseTally;
}

export interface StageRequest {
  /** The layer, compressed or not. */
  readonly blob: AsyncIterable<Buffer>;
  /** Digest of `blob`'s bytes, known once they have come: an uncompressed layer is not hashed twice. */
  readonly blobDigest: Promise<Digest>;
  progress(unpackedBytes: number): void;
}

/** A layer on its way to the disk. Disposing waits for its source's end and removes what nobody took. */
export interface StagedLayer extends AsyncDisposable {
  /** Digest of the whole uncompressed tar, once it is unpacked. */
  readonly diffId: Promise<Digest>;
}
