import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Ingest } from "../../domain/content.ts";
import { digestHex, parseDigest, type Digest } from "../../domain/digest.ts";
import { syncFolder } from "../../kit/atomic-file.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { diskError } from "./disk-error.ts";
import { checkExpected, type Expected } from "./expected.ts";

const chunkBytes = 1 << 20;
/** Written bytes after which the disk is set to work, so that the last fsync finds little left. */
const syncBytes = 16 << 20;

/**
 * Bytes on their way into the store, in one file. The digest is computed as they come; what an
 * interrupted attempt left is read again on opening, so nothing that the disk lost goes unseen.
 */
export class FileIngest implements Ingest {
  private readonly path: string;
  private readonly blobs: string;
  private readonly file: FileHandle;
  private readonly release: () => void;
  private hash: Hash;
  /** Bytes in the file. */
  private written: number;
  /** Bytes hashed but not yet in the file. */
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private open = true;
  /** Bytes of the file that were given to the disk. */
  private syncedTo = 0;
  private syncing: Promise<void> | undefined;
  private syncFailure: unknown;
  /** Settles when there is something new for those who follow. */
  private news = Promise.withResolvers<void>();
  /** Where the bytes lie now. */
  private place: string;
  private isCommitted = false;
  private failure: unknown;
  /** Why the file lacks bytes that the digest has; emptying it makes both whole again. */
  private broken: unknown;

  private constructor(
    path: string,
    blobs: string,
    file: FileHandle,
    release: () => void,
    hash: Hash,
    offset: number,
  ) {
    this.path = path;
    this.place = path;
    this.blobs = blobs;
    this.file = file;
    this.release = release;
    this.hash = hash;
    this.written = offset;
  }

  get offset(): number {
    return this.written + this.pendingBytes;
  }

  /** `release` is called once, when the ingest is closed. */
  static async open(path: string, blobs: string, release: () => void): Promise<FileIngest> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(path, flags, 0o600);
    try {
      const hash = createHash("sha256");
      const offset = await hashFile(file, hash);
      return new FileIngest(path, blobs, file, release, hash, offset);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async append(data: Uint8Array): Promise<void> {
    this.checkOpen();
    if (this.broken !== undefined) throw this.broken;
    this.hash.update(data);
    this.pending.push(data);
    this.pendingBytes += data.length;
    if (this.pendingBytes >= chunkBytes) await this.flush();
  }

  async *follow(): AsyncGenerator<Buffer, void, void> {
    const file = await this.openToRead();
    try {
      for (let position = 0; ;) {
        const { promise: news } = this.news;
        const end = this.written;
        while (position < end) {
          const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, end - position));
          const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
          // Emptied meanwhile.
          if (bytesRead === 0) break;
          position += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
        if (position < this.written) continue;
        if (this.isCommitted) return;
        if (this.failure !== undefined) throw this.failure;
        this.checkOpen();
        await news;
      }
    } finally {
      await file.close();
    }
  }

  async truncate(): Promise<void> {
    if (this.failure !== undefined) return;
    this.checkOpen();
    this.pending = [];
    this.pendingBytes = 0;
    this.hash = createHash("sha256");
    this.written = 0;
    this.syncedTo = 0;
    this.broken = undefined;
    await this.file.truncate(0).catch((error: unknown) => {
      this.broken = diskError("empty an ingest", this.path, error);
      throw this.broken;
    });
  }

  async commit(expected?: Expected): Promise<{ readonly digest: Digest; readonly size: number }> {
    this.checkOpen();
    try {
      if (this.broken !== undefined) throw this.broken;
      const size = this.offset;
      checkExpected(expected, size, undefined);
      const digest: Digest = `sha256:${this.hash.digest("hex")}`;
      checkExpected(expected, size, digest);
      await this.flush();
      await this.publish(digest);
      return { digest, size };
    } catch (error) {
      this.failure = diskError("store a blob", expected?.digest ?? this.path, error);
      // Also after a failed fsync: the pages that it lost look clean to the next one.
      await this.discard();
      throw this.failure;
    }
  }

  /** Leaves the bytes for a later attempt; an empty ingest leaves nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.open) return;
    try {
      await this.flush();
      if (this.offset === 0) await unlink(this.path);
    } catch {
      // The caller's own failure is on its way; fewer bytes remain to resume from.
    } finally {
      await this.close();
    }
  }

  private async publish(digest: Digest): Promise<void> {
    await this.file.chmod(0o400);
    await this.syncing;
    if (this.syncFailure !== undefined) throw this.syncFailure;
    await this.file.sync();
    await failpoint("content.synced");
    const place = join(this.blobs, digestHex(parseDigest(digest)));
    await rename(this.path, place);
    this.place = place;
    await failpoint("content.renamed");
    await syncFolder(this.blobs);
    this.isCommitted = true;
    await this.close();
    await failpoint("content.committed");
  }

  private async flush(): Promise<void> {
    let buffers = this.pending;
    this.pending = [];
    this.pendingBytes = 0;
    while (buffers.length > 0) {
      const { bytesWritten } = await this.file
        .writev(buffers, this.written)
        .catch((error: unknown) => {
          this.broken = diskError("write an ingest", this.path, error);
          throw this.broken;
        });
      this.written += bytesWritten;
      buffers = after(buffers, bytesWritten);
    }
    this.tell();
    if (this.written - this.syncedTo >= syncBytes) this.syncBeside();
  }

  /** Beside what is written next. Its failure is the ingest's: the last fsync would not show it again. */
  private syncBeside(): void {
    if (this.syncing !== undefined) return;
    this.syncedTo = this.written;
    this.syncing = this.file
      .datasync()
      .catch((error: unknown) => void (this.syncFailure ??= error))
      .finally(() => (this.syncing = undefined));
  }

  private async discard(): Promise<void> {
    if (!this.open) return;
    await unlink(this.path).catch(() => undefined);
    await this.close();
  }

  private async close(): Promise<void> {
    this.open = false;
    try {
      await this.file.close();
    } finally {
      this.release();
      this.tell();
    }
  }

  private tell(): void {
    this.news.resolve();
    this.news = Promise.withResolvers();
  }

  /** A handle of its own outlives the ingest, whose file may just be on its way to another name. */
  private async openToRead(): Promise<FileHandle> {
    for (;;) {
      const { place } = this;
      try {
        return await open(place, constants.O_RDONLY | constants.O_NOFOLLOW);
      } catch (error) {
        if (errnoOf(error) !== "ENOENT") throw diskError("read an ingest", place, error);
        this.checkOpen();
        if (place === this.place) await this.news.promise;
      }
    }
  }

  private checkOpen(): void {
    if (!this.open) throw new DuetError("internal", "INGEST_CLOSED", "the ingest is closed");
  }
}

/** What is left of `buffers` without the first `count` bytes. */
function after(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  return buffers.flatMap((buffer) => {
    const rest = buffer.subarray(Math.min(skip, buffer.length));
    skip -= buffer.length - rest.length;
    return rest.length === 0 ? [] : [rest];
  });
}

async function hashFile(file: FileHandle, hash: Hash): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(chunkBytes);
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return position;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}
