import type { Mount } from "./mount.ts";
import type { ByteChannel } from "./shim.ts";

/** lstat of a path inside a root; names are bytes, given as latin1-free Buffers where they come from disk. */
export interface RootfsStat {
  readonly name: string;
  readonly size: number;
  /** st_mode. */
  readonly mode: number;
  readonly modifiedAt: number;
  readonly linkTarget: string;
}

export interface UserLookup {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

export interface DiffEntry {
  readonly path: Buffer;
  readonly kind: "modified" | "added" | "deleted";
}

/**
 * A root file system entered safely: every path is resolved inside it, whatever links it holds.
 * For a directory root the rootfs helper serves it, for a VM the agent (or a maintenance boot).
 * Errors: `not-found` PATH_NOT_FOUND, `denied` PATH_ESCAPES, `invalid`, `exhausted` NO_SPACE.
 */
export interface RootfsSession extends AsyncDisposable {
  /** Follows no link in the last component unless `follow`. */
  stat(path: string, follow: boolean, signal: AbortSignal): Promise<RootfsStat>;
  /** Absolute and without links; what is not there stays as it is written. Throws `denied` for a circle of links. */
  realPath(path: string, signal: AbortSignal): Promise<string>;
  lookupUser(user: string, groups: readonly string[], signal: AbortSignal): Promise<UserLookup>;
  /** A tar stream of `path` (its last component, or its content for `path/.`), as Docker's archive GET. */
  archive(path: string, signal: AbortSignal): AsyncIterable<Buffer>;
  /** Unpacks an uncompressed tar stream into the folder `path`, as Docker's archive PUT. */
  extract(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: { readonly noOverwriteDirNonDir: boolean; readonly copyOwner: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  /** A tar stream of the whole root without what is mounted in it, as Docker's export. */
  wholeTree(signal: AbortSignal): AsyncIterable<Buffer>;
  /**
   * Members of a tar, without its end: what is at and below the folder `path`, mounts and subvolumes too, as
   * it is to lie at `place`, a path without slashes around it ("" is the root of the tar, which has no member).
   * What is to lie at one of `without`, or below, is left out. Throws `not-found`, `invalid` NOT_A_DIRECTORY.
   */
  members(
    path: string,
    place: string,
    without: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<Buffer>;
  /**
   * Changes against the parent of an overlay root, as `docker diff`; for another root against `base`, a
   * session on its image's.
   */
  changes(signal: AbortSignal, base?: RootfsSession): Promise<readonly DiffEntry[]>;
  /** The same changes as an uncompressed OCI layer, for commit. */
  layer(signal: AbortSignal, base?: RootfsSession, options?: LayerOptions): AsyncIterable<Buffer>;
  /** Begins what `layer` of an overlay root will need while it is still being written to; a failure is told there. */
  readyLayer(signal: AbortSignal): void;
  /**
   * Removes what a runtime has made in a root to mount on, as far as it is still empty and no lower layer (for
   * another root than an overlay: not `base`) has it: its own places and those named, with the folders that
   * lead there. No folder's time changes.
   */
  removeMountPoints(
    paths: readonly string[],
    signal: AbortSignal,
    base?: RootfsSession,
  ): Promise<void>;
  /** Whole small file, resolved in root, at most `limit` bytes. */
  readFile(path: string, limit: number, signal: AbortSignal): Promise<Buffer>;
  makeDirectory(
    path: string,
    mode: number,
    uid: number,
    gid: number,
    signal: AbortSignal,
  ): Promise<void>;
}

export interface LayerOptions {
  /** Seconds since the epoch; times after it become it. null keeps them. */
  readonly latestTime: number | null;
  /** Told of members as they come: how many, and the bytes of their contents. */
  members(count: number, size: number): void;
}

/** Where a root is: mounts to make privately, or the root that a running process sees. */
export type RootTarget =
  | { readonly kind: "mounts"; readonly mounts: readonly Mount[]; readonly readonly: boolean }
  | { readonly kind: "process"; readonly pid: number };

/** Opens sessions on roots. */
export interface RootfsAccess {
  open(target: RootTarget, signal: AbortSignal): Promise<RootfsSession>;
  /** A session over a channel whose other end serves rootfs operations, such as a VM's agent. */
  over(channel: ByteChannel): RootfsSession;
}
