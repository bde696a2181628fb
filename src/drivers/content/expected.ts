import type { Digest } from "../../domain/digest.ts";
import { DuetError } from "../../kit/errors.ts";

/** What a blob must be. */
export interface Expected {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/**
 * Refuses content that is not what was asked for, by its size first: a wrong size needs no hashing.
 * `digest` undefined leaves the digest to a later call.
 */
export function checkExpected(
  expected: Expected | undefined,
  size: number,
  digest: Digest | undefined,
): void {
  if (expected === undefined) return;
  if (size !== expected.size) {
    throw new DuetError(
      "corrupt",
      "SIZE_MISMATCH",
      `the content has ${size} bytes where ${expected.size} were promised: ${expected.digest}`,
      { subject: expected.digest },
    );
  }
  if (digest === undefined || digest === expected.digest) return;
  throw new DuetError(
    "corrupt",
    "DIGEST_MISMATCH",
    `the content has digest ${digest}, not the promised ${expected.digest}`,
    {
      subject: expected.digest,
    },
  );
}
