import { readFileSync } from "node:fs";
import { isDigest, type Digest } from "../../domain/digest.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import type { Log } from "../../kit/log.ts";

const mostPlaces = 4_000;
const mostUploads = 200;
/** What a registry keeps an upload for that nobody goes on with; distribution's own default is a week. */
const longestUploadMilliseconds = 24 * 3_600_000;
const longestUrl = 8_192;

interface Upload {
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

/**
 * What is remembered of registries: in which repositories a blob was seen, so that it can be mounted
 * from there, and uploads under way, so that another daemon takes them up. Kept in one file; what is
 * lost of it costs time, nothing else, and what is wrong in it is asked of the registry anyway.
 */
export class RegistryMemory {
  private readonly path: string;
  private readonly log: Log;
  private readonly places: Map<string, string>;
  private readonly uploads: Map<string, Upload>;
  private isChanged = false;
  private writing: Promise<void> | undefined;

  /** `path` of the file, or "" to keep nothing. */
  constructor(path: string, log: Log) {
    this.path = path;
    this.log = log;
    const { places, uploads } = readMemory(path, log);
    this.places = places;
    this.uploads = uploads;
  }

  /** A blob is in a repository of `host`. */
  notePlace(host: string, digest: Digest, repository: string): void {
    const key = `${host} ${digest}`;
    if (this.places.get(key) === repository) return;
    remember(this.places, key, repository, mostPlaces);
    this.save();
  }

  /** A repository of `host` that has the blob, as far as is known; "" for none. */
  placeOf(host: string, digest: Digest): string {
    return this.places.get(`${host} ${digest}`) ?? "";
  }

  forgetPlace(host: string, digest: Digest): void {
    if (this.places.delete(`${host} ${digest}`)) this.save();
  }

  /** Resolves when it is kept. */
  async noteUpload(host: string, repository: string, digest: Digest, url: URL): Promise<void> {
    if (url.href.length > longestUrl) return;
    const upload = { url: url.href, startedAt: Date.now() };
    remember(this.uploads, `${host} ${repository} ${digest}`, upload, mostUploads);
    this.save();
    await this.writing;
  }

  uploadOf(host: string, repository: string, digest: Digest): URL | undefined {
    const upload = this.uploads.get(`${host} ${repository} ${digest}`);
    const isFresh =
      upload !== undefined && Date.now() - upload.startedAt < longestUploadMilliseconds;
    return isFresh && URL.canParse(upload.url) ? new URL(upload.url) : undefined;
  }

  forgetUpload(host: string, repository: string, digest: Digest): void {
    if (this.uploads.delete(`${host} ${repository} ${digest}`)) this.save();
  }

  /** One write at a time; what changes meanwhile goes into the next. */
  private save(): void {
    this.isChanged = true;
    if (this.path === "" || this.writing !== undefined) return;
    this.writing = this.write()
      .catch((error: unknown) => this.log.warn("registry-memory-not-kept", { error }))
      .finally(() => (this.writing = undefined));
  }

  private async write(): Promise<void> {
    while (this.isChanged) {
      this.isChanged = false;
      const content = { places: [...this.places], uploads: [...this.uploads] };
      await writeFileAtomic(this.path, JSON.stringify(content));
    }
  }
}

/** The newest is last; the oldest goes. */
function remember<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}

function readMemory(
  path: string,
  log: Log,
): { readonly places: Map<string, string>; readonly uploads: Map<string, Upload> } {
  const empty = { places: new Map<string, string>(), uploads: new Map<string, Upload>() };
  if (path === "") return empty;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    const read = (name: string): unknown[] => {
      const list: unknown = typeof value === "object" && value !== null && Reflect.get(value, name);
      return Array.isArray(list) ? list : [];
    };
    for (const [key, place] of read("places").filter(isPair))
      if (typeof place === "string") empty.places.set(key, place);
    for (const [key, upload] of read("uploads").filter(isPair))
      if (isUpload(upload)) empty.uploads.set(key, upload);
  } catch (error) {
    log.debug("registry-memory-not-read", { error });
  }
  return empty;
}

function isPair(entry: unknown): entry is [string, unknown] {
  if (!Array.isArray(entry) || typeof entry[0] !== "string") return false;
  const digest = entry[0].split(" ").at(-1);
  return isDigest(digest);
}

function isUpload(value: unknown): value is Upload {
  if (typeof value !== "object" || value === null) return false;
  const { url, startedAt } = value as Record<keyof Upload, unknown>;
  return typeof url === "string" && typeof startedAt === "number";
}
