import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDigest, type Digest } from "../../domain/digest.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { writeAll } from "../../kit/write-all.ts";

/** What is known of a file that was fetched. */
export interface KeptFile {
  readonly url: string;
  readonly name: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch; 0 where the server did not say. */
  readonly modifiedAt: number;
  readonly mediaType: string;
  /** What the server asks for to tell that nothing changed; "" for none. */
  readonly etag: string;
  readonly lastModified: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly usedAt: number;
  readonly useCount: number;
}

/** What a server says of a file. */
type AboutFile = Omit<KeptFile, "digest" | "size" | "createdAt" | "usedAt" | "useCount">;

/**
 * On disk: `<digest of URL>.json` (KeptFile) and `<digest of content>.data`, read by its name and never changed. A
 * file without a record goes at the next start, as does a record that cannot be read.
 */
export class UrlCache {
  private readonly directory: string;
  private readonly inUse = new Map<Digest, number>();

  constructor(directory: string) {
    this.directory = directory;
  }

  async load(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const records = await this.records();
    const used = new Set(records.flatMap(({ url, digest }) => [recordName(url), dataName(digest)]));
    for (const name of await readdir(this.directory)) {
      if (!used.has(name)) await rm(join(this.directory, name));
    }
  }

  async get(url: string): Promise<KeptFile | undefined> {
    const kept = await this.read(recordName(url));
    if (kept === undefined || kept.url !== url) return undefined;
    try {
      await stat(join(this.directory, dataName(kept.digest)));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
    const used = { ...kept, usedAt: Date.now(), useCount: kept.useCount + 1 };
    await this.write(used);
    return used;
  }

  /** Stores a body. Throws `too-large` SOURCE_TOO_LARGE. */
  async put(about: AboutFile, body: AsyncIterable<Uint8Array>, limit: number): Promise<KeptFile> {
    const temporary = join(this.directory, `.tmp-${randomBytes(8).toString("hex")}`);
    const hash = createHash("sha256");
    let size = 0;
    try {
      const file = await open(temporary, "wx", 0o600);
      try {
        for await (const chunk of body) {
          size += chunk.length;
          if (size > limit) throw tooLarge(about.url, limit);
          hash.update(chunk);
          await writeAll(file, chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const digest: Digest = `sha256:${hash.digest("hex")}`;
      const now = Date.now();
      const kept = { ...about, digest, size, createdAt: now, usedAt: now, useCount: 1 };
      await rename(temporary, join(this.directory, dataName(digest)));
      await this.write(kept);
      return kept;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  content(digest: Digest): AsyncIterable<Buffer> {
    return createReadStream(join(this.directory, dataName(digest)), { highWaterMark: 1 << 20 });
  }

  /** Keeps the content while somebody reads it. */
  hold(digest: Digest): () => Promise<void> {
    this.inUse.set(digest, (this.inUse.get(digest) ?? 0) + 1);
    return async () => {
      const left = (this.inUse.get(digest) ?? 1) - 1;
      if (left > 0) this.inUse.set(digest, left);
      else this.inUse.delete(digest);
      await this.sweep(digest);
    };
  }

  async list(): Promise<readonly KeptFile[]> {
    return await this.records();
  }

  async remove(url: string): Promise<void> {
    const kept = await this.read(recordName(url));
    await rm(join(this.directory, recordName(url)), { force: true });
    if (kept !== undefined) await this.sweep(kept.digest);
  }

  /** Removes a content that nobody reads and no record names. */
  private async sweep(digest: Digest): Promise<void> {
    const records = await this.records();
    if (this.inUse.has(digest) || records.some((record) => record.digest === digest)) return;
    await rm(join(this.directory, dataName(digest)), { force: true });
  }

  private async write(kept: KeptFile): Promise<void> {
    await writeFileAtomic(join(this.directory, recordName(kept.url)), JSON.stringify(kept));
  }

  private async records(): Promise<readonly KeptFile[]> {
    const found: KeptFile[] = [];
    for (const name of await readdir(this.directory)) {
      const kept = name.endsWith(".json") ? await this.read(name) : undefined;
      if (kept !== undefined) found.push(kept);
    }
    return found;
  }

  private async read(name: string): Promise<KeptFile | undefined> {
    try {
      const value: unknown = JSON.parse(await readFile(join(this.directory, name), "utf8"));
      return isKeptFile(value) ? value : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }
}

function recordName(url: string): string {
  return `${createHash("sha256").update(url).digest("hex")}.json`;
}

function dataName(digest: Digest): string {
  return `${digest.slice("sha256:".length)}.data`;
}

function isKeptFile(value: unknown): value is KeptFile {
  if (typeof value !== "object" || value === null) return false;
  const file = value as Record<keyof KeptFile, unknown>;
  const texts = [file.url, file.name, file.mediaType, file.etag, file.lastModified];
  return (
    texts.every((text) => typeof text === "string") &&
    typeof file.digest === "string" &&
    isDigest(file.digest) &&
    [file.size, file.modifiedAt, file.createdAt, file.usedAt, file.useCount].every(
      (number) => typeof number === "number",
    )
  );
}

function tooLarge(url: string, limit: number): DuetError {
  return new DuetError("too-large", "SOURCE_TOO_LARGE", `${url} gives over ${limit} bytes`);
}
