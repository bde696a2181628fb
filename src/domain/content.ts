import type { Digest } from "./digest.ts";
import type { Descriptor } from "./image.ts";

/**
 * Content-addressed blobs. A blob exists only whole and verified: bytes go to an ingest, which
 * `commit` turns into the blob by fsync and rename. Ingests survive a crash, so that a pull resumes.
 */
export interface ContentStore {
  /** Bytes of the blob, or undefined where it is absent. */
  size(digest: Digest): Promise<number | undefined>;
  /** Whole small blob. Throws `not-found` BLOB_NOT_FOUND, `too-large` over `limit` bytes. */
  read(digest: Digest, limit: number): Promise<Buffer>;
  /** Throws `not-found` BLOB_NOT_FOUND. */
  stream(digest: Digest, offset?: number): Promise<AsyncIterable<Buffer>>;
  /** Absolute path of the blob's file, for helpers that read it themselves. */
  path(digest: Digest): string;
  /**
   * Opens (or resumes) the ingest for `key` (such as `layer-sha256:...`). One writer a key:
   * `conflict` INGEST_BUSY where another has it open.
   */
  ingest(key: string): Promise<Ingest>;
  /** Writes small content in one go. */
  write(
    content: Uint8Array,
    expected?: { readonly digest: Digest; readonly size: number },
  ): Promise<Digest>;
  delete(digest: Digest): Promise<void>;
  list(): AsyncIterable<{ readonly digest: Digest; readonly size: number }>;
  /** Bytes of all ingests: those being written, and what interrupted attempts left. */
  ingestBytes(): Promise<number>;
  /** Removes ingests that nobody writes and that were untouched for so long; gives their bytes. */
  dropStaleIngests(olderThanMilliseconds: number): Promise<number>;
}

export interface Ingest extends AsyncDisposable {
  /** Bytes that it holds: those of an interrupted attempt, then also what was appended. */
  readonly offset: number;
  /** Takes `data` over: the caller must not change it afterwards. */
  append(data: Uint8Array): Promise<void>;
  /**
   * The bytes from the first one on, as they come, for any number of readers. They end where all were
   * committed, and so verified; they throw INGEST_CLOSED, or what `commit` throws, where that never happens.
   * After a `truncate` they go on where they were.
   */
  follow(): AsyncIterable<Buffer>;
  /** Forgets what was written; a `commit` that failed has done so. */
  truncate(): Promise<void>;
  /**
   * Verifies and publishes. Throws `corrupt` DIGEST_MISMATCH or SIZE_MISMATCH, and then the ingest is gone.
   */
  commit(
    expected?: Pick<Descriptor, "digest" | "size">,
  ): Promise<{ readonly digest: Digest; readonly size: number }>;
}
