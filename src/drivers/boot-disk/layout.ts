import { createHash, randomBytes } from "node:crypto";
import { DuetError } from "../../kit/errors.ts";
import { backupSectors, sectorSize } from "./gpt.ts";

const mebibyte = 2 ** 20;
const alignment = mebibyte / sectorSize;
/** Where the parts of a disk are, in sectors of 512 bytes; last ones included. */
export interface DiskLayout {
  readonly sectors: number;
  readonly biosBoot: Span;
  readonly efiSystem: Span;
  readonly root: Span;
}

export interface Span {
  readonly first: number;
  readonly last: number;
}

const biosBoot: Span = { first: alignment, last: 2 * alignment - 1 };
const leastEfi = 64 * mebibyte;

/** Room that a new machine has to work in. */
const free = 2 ** 30;
const bytesPerMember = 1_024;

export function spanBytes(span: Span): number {
  return (span.last - span.first + 1) * sectorSize;
}

/**
 * Lays a disk out for an image of that many bytes and members; `bootBytes` is what kernel, initramfs and
 * boot loader take. Throws `invalid` DISK_TOO_SMALL.
 */
export function layOut(
  wanted: number | null,
  content: { readonly size: number; readonly entries: number },
  bootBytes: number,
): DiskLayout {
  const efi = Math.max(leastEfi, wholeMebibytes(bootBytes * 1.5 + 8 * mebibyte));
  const efiSystem = span(biosBoot.last + 1, efi);
  const least = wholeMebibytes(
    content.size * 1.1 + content.entries * (bytesPerMember + 4_096) + 32 * mebibyte,
  );
  const around = (efiSystem.last + 1) * sectorSize + mebibyte;
  const size = wholeMebibytes(wanted ?? around + least + free);
  if (size < around + least) {
    const smallest = Math.ceil((around + least) / mebibyte);
    throw new DuetError(
      "invalid",
      "DISK_TOO_SMALL",
      `the disk is too small for the image · ${Math.floor(size / mebibyte)} MiB instead of at least ${smallest} MiB`,
      { hint: `use --size ${smallest}m or more, or leave it out` },
    );
  }
  const sectors = size / sectorSize;
  const last = Math.floor((sectors - backupSectors - 1) / alignment) * alignment - 1;
  return { sectors, biosBoot, efiSystem, root: { first: efiSystem.last + 1, last } };
}

function span(first: number, bytes: number): Span {
  return { first, last: first + bytes / sectorSize - 1 };
}

function wholeMebibytes(bytes: number): number {
  return Math.ceil(bytes / mebibyte) * mebibyte;
}

/** Identifiers of one disk: of `seed` the same ones each time, else random ones. */
export class Identifiers {
  private readonly seed: Buffer | string;

  constructor(seed: string | null) {
    this.seed = seed ?? randomBytes(32);
  }

  /** A UUID of version 4's form. */
  uuid(what: string): string {
    const hash = this.hash(what);
    return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  }

  number(what: string): number {
    return Number.parseInt(this.hash(what).slice(0, 8), 16);
  }

  private hash(what: string): string {
    return createHash("sha256").update(this.seed).update(` ${what}`).digest("hex");
  }
}
