import { constants } from "node:fs";
import { DuetError } from "../errors.ts";

export type TarKind =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character"
  | "block"
  | "fifo";

/** The file type bits of st_mode. */
export const kindBits: Readonly<Record<TarKind, number>> = {
  file: constants.S_IFREG,
  hardlink: constants.S_IFREG,
  directory: constants.S_IFDIR,
  symlink: constants.S_IFLNK,
  fifo: constants.S_IFIFO,
  character: constants.S_IFCHR,
  block: constants.S_IFBLK,
};

/** What a tar says of one member. Names are bytes: no text encoding is assumed. */
export interface TarHeader {
  readonly kind: TarKind;
  /** As written, without trailing slashes. Never empty, never holds a NUL. */
  readonly name: Buffer;
  /** Target of a symlink, or the earlier member that a hardlink names; else empty. */
  readonly linkName: Buffer;
  /** Permission bits, 0–07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Bytes of a file when unpacked, holes included; 0 for other kinds. */
  readonly size: number;
  /** Whole seconds since the epoch, may be negative. */
  readonly modifiedSeconds: number;
  /** 0–999,999,999, counted forward from `modifiedSeconds`. */
  readonly modifiedNanoseconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes in the order of the archive, values binary. */
  readonly attributes: readonly TarAttribute[];
}

export interface TarAttribute {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** A stretch of stored bytes of a file; what lies between the pieces is a hole. */
export interface TarPiece {
  readonly offset: number;
  readonly data: Buffer;
}

/** Stretches of a sparse file that are stored, ascending, not overlapping. */
export interface SparseRegion {
  readonly offset: number;
  readonly size: number;
}

/** A member met while reading. Its content can be read once, before the next member is asked for. */
export interface TarEntry extends TarHeader {
  /** Where the file is stored sparsely, its regions; else null. */
  readonly sparse: readonly SparseRegion[] | null;
  /** Stored bytes with their places. Buffers stay valid; they are views of the source's chunks. */
  pieces(): AsyncIterable<TarPiece>;
  /** The whole content in order, holes as zeros. */
  content(): AsyncIterable<Buffer>;
}

export interface TarLimits {
  /** Bytes of one extended header (PAX, GNU long name). */
  readonly extendedHeader: number;
  /** Regions of one sparse file. */
  readonly sparseRegions: number;
  /** Members in all. */
  readonly entries: number;
  /** Logical bytes of all files together, holes included. */
  readonly totalSize: number;
}

export const defaultTarLimits: TarLimits = {
  extendedHeader: 1 << 20,
  sparseRegions: 1 << 16,
  entries: 4_000_000,
  totalSize: 2 ** 40,
};

export const blockSize = 512;

/** What is wrong with a tar, as `corrupt` TAR_INVALID. */
export function tarInvalid(why: string, cause?: unknown): DuetError {
  return new DuetError("corrupt", "TAR_INVALID", `the tar archive is invalid: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "the archive is damaged or was made by a broken or hostile program",
  });
}

/** A member that goes over a limit, as `too-large` TAR_TOO_LARGE. */
export function tarTooLarge(why: string): DuetError {
  return new DuetError("too-large", "TAR_TOO_LARGE", `the tar archive is too large: ${why}`);
}
