import type { Pipe } from "../kit/pipe.ts";
import type { Digest } from "./digest.ts";
import type { Descriptor } from "./image.ts";

/** An image found in an archive; its blobs are in the content store, and its manifest is OCI or Docker schema 2. */
export interface LoadedImage {
  readonly manifest: Descriptor;
  /** The index that the image is of, where the archive has it. */
  readonly index?: Descriptor;
  /** References that the archive gives it. */
  readonly names: readonly string[];
}

/**
 * Shown each file of an archive that may be a layer, while it comes. It must read `content` to its end
 * or close it; `digest` settles when all of it is in the content store. Resolves when it took the file on.
 */
export type LayerWatch = (content: Pipe, digest: Promise<Digest>) => Promise<void>;

/**
 * Stores a layer that is packed in a way that registries do not take, packed with gzip. Throws where it is
 * damaged, or larger than a layer may be.
 */
export type Repack = (
  packed: AsyncIterable<Buffer>,
) => Promise<Pick<Descriptor, "digest" | "size"> & { readonly diffId: Digest }>;

/** Image archives: OCI layouts and `docker save` tars, old and new. The bytes are hostile. */
export interface ImageArchive {
  /**
   * `tar` may be compressed (gzip, zstd, xz, bzip2). Without `repack` a layer of Docker's list that is packed
   * with xz or bzip2 is `unsupported` COMPRESSION_UNSUPPORTED. Throws `invalid` ARCHIVE_INVALID,
   * `corrupt` DIGEST_MISMATCH.
   */
  read(
    tar: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
    taking?: { readonly watch?: LayerWatch; readonly repack?: Repack },
  ): Promise<readonly LoadedImage[]>;
  /** One tar that is an OCI layout and has Docker's manifest.json and repositories as well. */
  write(images: readonly LoadedImage[], signal: AbortSignal): AsyncIterable<Buffer>;
}
