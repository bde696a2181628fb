import type { Digest } from "../../domain/digest.ts";
import { race } from "../../kit/abort.ts";

/** What a piece of work needs: garbage collection treats it as a root. */
export interface Leased {
  readonly blobs: Set<Digest>;
  readonly chains: Set<Digest>;
}

/**
 * Keeps garbage collection and work that makes content apart. Any number of pieces of work may keep
 * content; a collection that is asked for meanwhile is put off until the last of them has ended, so
 * that a client who sends an archive slowly makes nobody wait.
 */
export class CollectionGate {
  /** Of work under way. Nothing of it outlives the daemon: what is half done then is done anew. */
  readonly leased = new Set<Leased>();
  private keepers = 0;
  private collecting: Promise<unknown> = Promise.resolve();
  private owed: (() => Promise<unknown>) | undefined;

  /** Runs `work` while nothing is collected; waits for a collection under way. */
  async keep<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.keepers += 1;
    try {
      await race(this.collecting, signal);
      return await work();
    } finally {
      this.keepers -= 1;
      this.settle();
    }
  }

  /** Runs `collect` alone; undefined where it was put off. Asked for twice, it is put off once. */
  async collect<T>(collect: () => Promise<T>): Promise<T | undefined> {
    const before = this.collecting;
    if (this.keepers > 0) {
      this.owed = collect;
      return undefined;
    }
    const mine = before.then(collect);
    this.collecting = mine.catch(() => undefined);
    return await mine;
  }

  private settle(): void {
    const { owed } = this;
    if (this.keepers > 0 || owed === undefined) return;
    this.owed = undefined;
    // Who asked for it has its answer: what fails now is garbage for the next one.
    this.collect(owed).catch(() => undefined);
  }
}
