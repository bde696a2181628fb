import { race } from "./abort.ts";

/** At most so many pieces of work at a time, first come first served. */
export class Turns {
  private free: number;
  private readonly queue: (() => void)[] = [];

  constructor(size: number) {
    this.free = size;
  }

  get isFull(): boolean {
    return this.free === 0;
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.acquire(signal);
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  private async acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.queue.push(resolve);
    try {
      await race(promise, signal);
    } catch (error) {
      const index = this.queue.indexOf(resolve);
      if (index >= 0) this.queue.splice(index, 1);
      else this.release();
      throw error;
    }
  }

  private release(): void {
    const next = this.queue.shift();
    if (next === undefined) this.free += 1;
    else next();
  }
}
