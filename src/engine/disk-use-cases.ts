import type { ForeignFormat } from "../domain/foreign-disk.ts";
import type { ImageRecord } from "../domain/image.ts";
import type { BootDisk, BootNetwork, DiskFormat } from "../domain/boot-disk.ts";

/** What a disk is to be; whatever is null or empty is the image's own, or the default. */
export interface ConvertOptions {
  readonly format: DiskFormat;
  /** Bytes. */
  readonly size: number | null;
  readonly kernel: string | null;
  readonly hostname: string | null;
  readonly network: BootNetwork;
  /** Lines for authorized_keys. */
  readonly sshKeys: string | null;
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  readonly epoch: number | null;
}

export interface ImportDiskOptions {
  /** null finds it out. */
  readonly format: ForeignFormat | null;
  /** As partition tables count, taken whatever it holds; null looks for the root. */
  readonly partition: number | null;
  /** A name with tag, or "". */
  readonly reference: string;
  /** Instructions over what the disk says, as of `docker import --change`. */
  readonly changes: readonly string[];
  readonly message: string;
}

export interface DiskUseCases {
  /**
   * A disk that boots the image by itself. Throws as `images.get`, `invalid` SSH_SERVER_MISSING where keys
   * are given for an image without an ssh server, and what BootDisks.make throws.
   */
  convert(reference: string, options: ConvertOptions, signal: AbortSignal): Promise<BootDisk>;

  /**
   * An image of one layer from the root file system of a machine's disk. Throws what ForeignDisks.take
   * throws, and `invalid` NO_ROOT where none of its file systems is a root.
   */
  import(
    body: AsyncIterable<Uint8Array>,
    options: ImportDiskOptions,
    signal: AbortSignal,
  ): Promise<ImageRecord>;
}
