import type { Digest } from "../digest.ts";
import type { ContextTree } from "./files.ts";

/** Fetches what Dockerfiles and clients name by URL. Every URL is an attacker's: no word of it becomes an option. */
export interface BuildSources {
  /**
   * A file over HTTP or HTTPS, given from the cache where the server says that it is the same. Throws `invalid`
   * URL_INVALID or CHECKSUM_MISMATCH, `denied` SOURCE_DENIED for an address that builds may not reach,
   * `not-found` SOURCE_NOT_FOUND, `unavailable` SOURCE_UNREACHABLE, `too-large` SOURCE_TOO_LARGE.
   */
  url(source: UrlRequest, signal: AbortSignal): Promise<FetchedFile>;
  /**
   * A repository's files at one commit, with those of its submodules; all belong to root. Throws `invalid`
   * GIT_SOURCE_INVALID, `denied` SOURCE_DENIED, `not-found` GIT_REF_NOT_FOUND or SUBDIRECTORY_NOT_FOUND, `unavailable` SOURCE_UNREACHABLE or
   * PROGRAM_MISSING.
   */
  git(source: GitRequest, signal: AbortSignal): Promise<FetchedTree>;
  /** Files that `url` keeps. */
  list(): Promise<readonly KeptUrl[]>;
  /** Forgets what is kept of a URL. Idempotent; who reads it meanwhile reads on. */
  remove(url: string): Promise<void>;
}

export interface KeptUrl {
  readonly url: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly usedAt: number;
  readonly useCount: number;
}

export interface UrlRequest {
  readonly url: string;
  /** `sha256:...` that the content must have; null for any. */
  readonly checksum: string | null;
}

export interface GitRequest {
  /** http, https, git or ssh URL, or `user@host:path`. */
  readonly url: string;
  /** Branch, tag, `refs/...` or commit; "" for the remote's HEAD. */
  readonly ref: string;
  /** A commit or its beginning, which the ref must be; null for any. */
  readonly checksum: string | null;
  readonly keepGitFolder: boolean;
  readonly submodules: boolean;
  /** Folder of the repository whose files alone are given, as if they were its root; absent for all. */
  readonly subdirectory?: string;
  /** Value of the Authorization header for HTTP; null for none. */
  readonly authorization: string | null;
  /** Path of an ssh agent's socket; null for none. */
  readonly sshSocket: string | null;
}

export interface FetchedFile extends AsyncDisposable {
  /** The last component of the URL, or what the server calls it; `download` where that is empty. */
  readonly name: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Last-Modified, or 0; milliseconds since the epoch. */
  readonly modifiedAt: number;
  readonly mediaType: string;
  content(): AsyncIterable<Uint8Array>;
}

export interface FetchedTree extends AsyncDisposable {
  readonly tree: ContextTree;
  /** 40 or 64 hexadecimal digits. */
  readonly commit: string;
}
