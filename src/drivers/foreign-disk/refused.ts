import { DuetError } from "../../kit/errors.ts";

export function refused(why: string): DuetError {
  return new DuetError("invalid", "DISK_REFUSED", `the disk is refused: ${why}`);
}

export function unsupportedDisk(why: string, hint?: string): DuetError {
  return new DuetError("unsupported", "DISK_UNSUPPORTED", `cannot read the disk: ${why}`, {
    ...(hint === undefined ? {} : { hint }),
  });
}

export function diskTooLarge(why: string): DuetError {
  return new DuetError("too-large", "DISK_TOO_LARGE", `the disk is too large: ${why}`);
}

/** A number of 64 bits as far as it is a whole one in JavaScript; what is larger is larger than any limit. */
export function wide(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
}
