import { createHash, randomUUID } from "node:crypto";
import { renameSync } from "node:fs";
import { chmod, mkdir, open, opendir, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { ContentStore, Ingest } from "../../domain/content.ts";
import { digestHex, digestOf, parseDigest, type Digest } from "../../domain/digest.ts";
import { syncFolder, writeFileAtomic } from "../../kit/atomic-file.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Log } from "../../kit/log.ts";
import { checkExpected, type Expected } from "./expected.ts";
import { diskError } from "./disk-error.ts";
import { FileIngest } from "./ingest.ts";

const chunkBytes = 1 << 20;
const blobName = /^[0-9a-f]{64}$/;
const temporaryName = /^\.tmp-/;
/** Of the hexadecimal digits of an ingest; more follows in the name of one that is being dropped. */
const longestName = 64;

/**
 * Blobs as files of a folder (made with mode 0700 where it is absent):
 *
 *     DIRECTORY/blobs/sha256/HEX   whole and verified, read-only
 *     DIRECTORY/ingests/HEX        bytes on their way; HEX is the SHA-256 of the ingest's key
 *     DIRECTORY/ingests/HEX-UUID   the same, being dropped
 *
 * One process has a folder open at a time; the data root's lock sees to that.
 */
export async function openContentStore(directory: string, log: Log): Promise<ContentStore> {
  const blobs = join(directory, "blobs", "sha256");
  const ingests = join(directory, "ingests");
  await mkdir(blobs, { recursive: true, mode: 0o700 });
  await mkdir(ingests, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  await syncFolder(join(directory, "blobs"));
  await syncFolder(directory);
  await removeTemporary(blobs, log);
  return new FileContentStore(blobs, ingests, log);
}

async function removeTemporary(folder: string, log: Log): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!temporaryName.test(name)) continue;
    await unlink(join(folder, name));
    log.info("unfinished-write-removed", { name });
  }
}

class FileContentStore implements ContentStore {
  private readonly blobs: string;
  private readonly ingests: string;
  private readonly log: Log;
  private readonly busy = new Set<string>();

  constructor(blobs: string, ingests: string, log: Log) {
    this.blobs = blobs;
    this.ingests = ingests;
    this.log = log;
  }

  path(digest: Digest): string {
    return join(this.blobs, digestHex(parseDigest(digest)));
  }

  async size(digest: Digest): Promise<number | undefined> {
    try {
      return (await stat(this.path(digest))).size;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw diskError("look up a blob", digest, error);
    }
  }

  async read(digest: Digest, limit: number): Promise<Buffer> {
    const size = await this.size(digest);
    if (size === undefined) throw blobNotFound(digest);
    if (size > limit) {
      throw new DuetError(
        "too-large",
        "BLOB_TOO_LARGE",
        `${digest} has ${size} bytes, over the limit of ${limit}`,
      );
    }
    const chunks: Buffer[] = [];
    for await (const chunk of this.chunks(digest, 0, size)) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    if (digestOf(content) === digest) return content;
    throw new DuetError("corrupt", "BLOB_CORRUPT", `the stored bytes of ${digest} are damaged`, {
      hint: "remove the image and pull it again",
    });
  }

  async stream(digest: Digest, offset = 0): Promise<AsyncIterable<Buffer>> {
    const size = await this.size(digest);
    if (size === undefined) throw blobNotFound(digest);
    return this.chunks(digest, offset, size);
  }

  async ingest(key: string): Promise<Ingest> {
    const name = createHash("sha256").update(key).digest("hex");
    if (this.busy.has(name)) {
      throw new DuetError(
        "conflict",
        "INGEST_BUSY",
        `the content ${JSON.stringify(key)} is already being written`,
        {
          hint: "wait for the other pull or load to end",
        },
      );
    }
    this.busy.add(name);
    try {
      return await FileIngest.open(join(this.ingests, name), this.blobs, () =>
        this.busy.delete(name),
      );
    } catch (error) {
      this.busy.delete(name);
      throw diskError("open an ingest", key, error);
    }
  }

  async write(content: Uint8Array, expected?: Expected): Promise<Digest> {
    if (expected !== undefined && expected.size !== content.length)
      checkExpected(expected, content.length, undefined);
    const digest = digestOf(content);
    checkExpected(expected, content.length, digest);
    if ((await this.size(digest)) === content.length) return digest;
    try {
      await writeFileAtomic(this.path(digest), content, 0o400);
    } catch (error) {
      throw diskError("write a blob", digest, error);
    }
    await failpoint("content.written");
    return digest;
  }

  async delete(digest: Digest): Promise<void> {
    try {
      await unlink(this.path(digest));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw diskError("delete a blob", digest, error);
    }
  }

  async *list(): AsyncGenerator<{ readonly digest: Digest; readonly size: number }, void, void> {
    for await (const entry of await opendir(this.blobs)) {
      if (!entry.isFile() || !blobName.test(entry.name)) continue;
      const digest: Digest = `sha256:${entry.name}`;
      const size = await this.size(digest);
      if (size !== undefined) yield { digest, size };
    }
  }

  async ingestBytes(): Promise<number> {
    let total = 0;
    for (const name of await readdir(this.ingests)) {
      // One that is committed meanwhile is none any more.
      const status = await stat(join(this.ingests, name)).catch(() => undefined);
      total += status?.size ?? 0;
    }
    return total;
  }

  async dropStaleIngests(olderThanMilliseconds: number): Promise<number> {
    const before = Date.now() - olderThanMilliseconds;
    let count = 0;
    let bytes = 0;
    for (const name of await readdir(this.ingests)) {
      const path = join(this.ingests, name);
      const status = await stat(path).catch(() => undefined);
      // One that is committed or begun meanwhile is not ours to drop; from here on nothing is awaited until it has another name.
      if (status === undefined || this.busy.has(name) || status.mtimeMs > before) continue;
      const dropped = join(this.ingests, `${name.slice(0, longestName)}-${randomUUID()}`);
      try {
        renameSync(path, dropped);
        // To give back the space of gigabytes may take the file system seconds.
        await unlink(dropped);
      } catch (error) {
        // Another prune is at it, too.
        if (errnoOf(error) === "ENOENT") continue;
        throw diskError("drop an ingest", path, error);
      }
      count += 1;
      bytes += status.size;
    }
    if (count > 0) this.log.info("stale-ingests-dropped", { count, bytes });
    return bytes;
  }

  /** The file is opened at the first read, so that a stream nobody reads holds nothing. */
  private async *chunks(
    digest: Digest,
    offset: number,
    size: number,
  ): AsyncGenerator<Buffer, void, void> {
    const file = await open(this.path(digest), "r").catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") throw blobNotFound(digest);
      throw diskError("open a blob", digest, error);
    });
    try {
      for (let position = offset; position < size;) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, size - position));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }
}

function blobNotFound(digest: Digest): DuetError {
  return new DuetError("not-found", "BLOB_NOT_FOUND", `no such blob: ${digest}`, {
    subject: digest,
  });
}
