import { randomBytes } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";
import type { LeaseRecord } from "../../domain/lease.ts";
import { never } from "../../kit/abort.ts";
import type { EngineContext } from "../context.ts";

const leaseMilliseconds = 24 * 60 * 60 * 1_000;

/** Holds blobs and layers for one piece of work; what is held survives garbage collection. */
export interface Lease {
  hold(blobs: readonly Digest[], chains: readonly Digest[]): Promise<void>;
}

/** A lease that lasts until `end`, or the end of this daemon. */
export function openLease(context: EngineContext): Lease & { end(): void } {
  let record: LeaseRecord = {
    id: randomBytes(16).toString("hex"),
    createdAt: Date.now(),
    expiresAt: Date.now() + leaseMilliseconds,
    blobs: [],
    chains: [],
  };
  return {
    hold: async (blobs, chains) => {
      await context.collection.keep(never, async () => {
        record = {
          ...record,
          blobs: [...new Set([...record.blobs, ...blobs])],
          chains: [...new Set([...record.chains, ...chains])],
        };
        context.store.transaction(() => context.store.leases.put(record));
      });
    },
    end: () => context.store.transaction(() => context.store.leases.delete(record.id)),
  };
}

/**
 * Runs `work` under a lease that ends with it. `hold` before looking whether content exists: it
 * waits for a collection under way, and the next one sees it.
 */
export async function withLease<T>(
  context: EngineContext,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const lease = openLease(context);
  try {
    return await work(lease);
  } finally {
    lease.end();
  }
}
