import type { Descriptor } from "./image.ts";

/** An image found in an archive; its blobs are in the content store, and its manifest is OCI or Docker schema 2. */
export interface LoadedImage {
  readonly manifest: Descriptor;
  /** References that the archive gives it. */
  readonly names: readonly string[];
}

/** Image archives: OCI layouts and `docker save` tars, old and new. The bytes are hostile. */
export interface ImageArchive {
  /** `tar` may be compressed (gzip, zstd). Throws `invalid` ARCHIVE_INVALID, `corrupt` DIGEST_MISMATCH. */
  read(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<readonly LoadedImage[]>;
  /** One tar that is an OCI layout and has Docker's manifest.json and repositories as well. */
  write(images: readonly LoadedImage[], signal: AbortSignal): AsyncIterable<Buffer>;
}
