import type { Digest } from "../digest.ts";
import type { Mount } from "../mount.ts";

/** A tree to take files from, to be assembled read-only in a private mount namespace; no mounts for an empty one. */
export interface FileTree {
  readonly mounts: readonly Mount[];
  /** What its content is named by where it never changes (a chain of layers); digests are then remembered. */
  readonly identity: string | null;
}

/** One entry of a context; paths and link targets are bytes, without a slash at either end. */
export interface ContextEntry {
  readonly path: Buffer;
  /** st_mode: kind and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a regular file, else 0. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly modifiedAt: bigint;
  /** Target of a symbolic link; path of the first name of a hard link; empty for others. */
  readonly link: Buffer;
  readonly attributes: readonly { readonly name: Buffer; readonly value: Buffer }[];
}

/**
 * Keeps the files that clients send for their builds. What a key named in an earlier build is found again, so that
 * a client needs to send only what has changed. All names and bytes are an attacker's.
 */
export interface ContextStore {
  /**
   * The tree of a name, or a new one that ends with its use where `name` is null or in use by another build.
   * Disposing gives it back; it stays on disk until `remove`, unless what is in it is not known.
   */
  open(name: ContextName | null, signal: AbortSignal): Promise<ContextTree>;
  list(): readonly KeptContext[];
  /** Idempotent; leaves one that is in use. */
  remove(key: string, signal: AbortSignal): Promise<void>;
}

/** What tells a context from others, and what it is to people. */
export interface ContextName {
  readonly key: string;
  readonly kind: "source.local" | "source.git.checkout";
  readonly description: string;
}

export interface KeptContext extends ContextName {
  readonly isUsed: boolean;
  /** Bytes at the end of its last use. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly usedAt: number;
  readonly useCount: number;
}

export interface ContextTree extends AsyncDisposable {
  /** What its content is named by until it changes; null where nobody can tell. Digests are then remembered. */
  readonly identity: string | null;
  /** Digest of the list of files that its content is, as it was given with the last change; null where none was. */
  readonly list: Digest | null;
  /**
   * The files themselves. What has come as a tar may be in memory until somebody asks; most builds find by the entries
   * alone that nothing has changed.
   */
  files(signal: AbortSignal): Promise<FileTree>;
  /** What it holds, sorted by path, folders before their content, as BuildKit's file sync walks. */
  entries(signal: AbortSignal): Promise<readonly ContextEntry[]>;
  /**
   * Replaces all of it by an uncompressed tar's content; devices are left out. `owners: "root"` gives everything to
   * root, as Docker's builders do with a context. Throws `corrupt` TAR_INVALID, `too-large`.
   */
  fill(
    tar: AsyncIterable<Uint8Array>,
    options: { readonly owners: "root" | "archive" },
    signal: AbortSignal,
  ): Promise<void>;
  /** Removes paths and what is below them; idempotent. */
  remove(paths: readonly Buffer[], signal: AbortSignal): Promise<void>;
  /** Opens it for changes; where there were some, without `commit` all of it is thrown away at the end. */
  change(signal: AbortSignal): Promise<ContextChange>;
}

export interface ContextChange extends AsyncDisposable {
  /**
   * Makes or replaces what is no regular file; a changed folder keeps its content. A regular file with a `link` is
   * another name of one put before. Throws `invalid` CONTEXT_INVALID for devices and sockets.
   */
  put(entry: ContextEntry): Promise<void>;
  /** Makes or replaces a regular file; `content` must give `entry.size` bytes. */
  putFile(entry: ContextEntry, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Removes a path and what is below it. */
  remove(path: Buffer): Promise<void>;
  /** `list` becomes that of the tree; where its content is none that was listed, null. */
  commit(list: Digest | null): Promise<void>;
}

/** What a COPY or ADD takes from a tree. */
export interface FileSelection {
  readonly files: FileTree | ContextTree;
  /** Pattern as Go's filepath.Match, relative to the tree's root; matches more than one only with a wildcard. */
  readonly path: string;
  /** Patterns as in .dockerignore, relative to the folder that is copied. */
  readonly exclude: readonly string[];
  readonly parents: boolean;
  /** Whether a regular file that is a tar, compressed or not, is unpacked instead. */
  readonly unpack: boolean;
  /** Whether it is seen in its place: the path is no pattern then, and a folder's own mode and owner count. */
  readonly mounted?: true;
}

export interface CopyTarget {
  /** The writable root. */
  readonly mounts: readonly Mount[];
  /** Absolute; with a slash at the end it is a folder. */
  readonly destination: string;
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly mode: string | null;
  /** Seconds since the epoch; times after it become it. null keeps the source's. */
  readonly latestTime: number | null;
}

/** Names all that a selection's digest depends on, where its tree's content is named; null where it is not. */
export function selectionName(selection: FileSelection): string | null {
  const { files, path, exclude, parents, mounted = false } = selection;
  return files.identity === null
    ? null
    : JSON.stringify([files.identity, path, exclude, parents, mounted]);
}

/** Moves files between trees. Every path is resolved inside its tree, whatever links are in it. */
export interface BuildFiles {
  /**
   * Digest of all that the selection takes: names relative to what is copied, kinds, permissions, owners, link
   * targets, attributes and contents; no times. Throws `not-found` SOURCE_NOT_FOUND where nothing matches.
   */
  digest(selection: FileSelection, signal: AbortSignal): Promise<Digest>;
  /** Copies with Docker's rules for folders, files and destinations (docs: Dockerfile reference, COPY). */
  copy(
    selections: readonly FileSelection[],
    target: CopyTarget,
    signal: AbortSignal,
  ): Promise<void>;
  /** Writes small files, as here-documents and ADD of a URL give them, with Docker's rules for the destination. */
  write(
    files: readonly {
      readonly name: string;
      /** Gives the content anew at each call. */
      readonly content: () => AsyncIterable<Uint8Array>;
      /** Bytes. */
      readonly size: number;
      readonly mode: number;
      /** Milliseconds since the epoch. */
      readonly modifiedAt: number;
      readonly unpack: boolean;
    }[],
    target: CopyTarget,
    signal: AbortSignal,
  ): Promise<void>;
  /** Whole small file of a tree such as a Dockerfile, its links followed inside. Throws `not-found` PATH_NOT_FOUND, `too-large`. */
  read(
    files: FileTree | ContextTree,
    path: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<Buffer>;
  /** Makes the folders of `path` that are missing, 0755 and of `owner`; gives whether it made any. */
  makeFolder(
    mounts: readonly Mount[],
    path: string,
    owner: { readonly uid: number; readonly gid: number },
    latestTime: number | null,
    signal: AbortSignal,
  ): Promise<boolean>;
}
