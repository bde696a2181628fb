import { race } from "./abort.ts";

/** One holder per key at a time, first come first served. Keys vanish when nobody holds or waits. */
export class KeyedLock {
  private readonly tails = new Map<string, Promise<void>>();

  /** Runs `work` alone for `key`. Aborting `signal` while waiting rejects and gives up the place. */
  async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key) ?? Promise.resolve();
    const { promise: mine, resolve: release } = Promise.withResolvers<void>();
    const tail = before.then(() => mine);
    this.tails.set(key, tail);
    try {
      await race(before, signal);
      return await work();
    } finally {
      release();
      if (this.tails.get(key) === tail) this.tails.delete(key);
    }
  }

  /** Resolves when nobody holds or waits for any key. */
  async idle(): Promise<void> {
    while (this.tails.size > 0) await Promise.all(this.tails.values());
  }

  isBusy(key: string): boolean {
    return this.tails.has(key);
  }
}
