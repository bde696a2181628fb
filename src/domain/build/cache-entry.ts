import type { Digest } from "../digest.ts";
import type { Descriptor } from "../image.ts";

/** What one step has made, kept for the next build that has the same to do. */
export interface BuildCacheEntry {
  /** Digest of what made it: what is below, the operation, and the content that it took. */
  readonly key: Digest;
  readonly kind: "regular" | "exec.cachemount";
  readonly description: string;
  /** Of a cache mount, by what name steps mount it. */
  readonly cacheId?: string;
  /** Keys of the entries that it stands on or took files from. */
  readonly parents: readonly Digest[];
  /** Its layers, base first; its own is the last. One that stands on nothing has its own alone. */
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  /** Seconds since the epoch at which later times in its own layer were cut off; absent where none were. */
  readonly epoch?: number;
  /** Bytes of what it has made itself, unpacked. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly usedAt: number;
  readonly useCount: number;
}
