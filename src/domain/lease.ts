import type { Digest } from "./digest.ts";

/**
 * Holds content for work in progress: garbage collection treats everything under a live lease as a
 * root. A lease names its owner's start, so that a later daemon drops those of a dead one.
 */
export interface LeaseRecord {
  readonly id: string;
  readonly createdAt: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly blobs: readonly Digest[];
  readonly chains: readonly Digest[];
}
