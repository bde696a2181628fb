import type { Digest } from "../../domain/digest.ts";
import { never } from "../../kit/abort.ts";
import type { EngineContext } from "../context.ts";
import type { Leased } from "./collection-gate.ts";

/** Holds blobs and layers for one piece of work; what is held survives garbage collection. */
export interface Lease {
  hold(blobs: readonly Digest[], chains: readonly Digest[]): Promise<void>;
}

/** A lease that lasts until `end`, or the end of this daemon. */
export function openLease({ collection }: EngineContext): Lease & { end(): void } {
  const leased: Leased = { blobs: new Set(), chains: new Set() };
  collection.leased.add(leased);
  return {
    hold: async (blobs, chains) => {
      await collection.keep(never, async () => {
        for (const blob of blobs) leased.blobs.add(blob);
        for (const chain of chains) leased.chains.add(chain);
      });
    },
    end: () => void collection.leased.delete(leased),
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
