import type { EngineEvent } from "../domain/event.ts";

const keptEvents = 256;
const queueLimit = 1_000;
const longestTimer = 2 ** 31 - 1;

interface Subscriber {
  readonly queue: EngineEvent[];
  wake: () => void;
  dropped: boolean;
}

/**
 * Publishes what happened. Keeps the last 256 events for `since`; a subscriber that lets over 1,000
 * pile up is dropped, so that a slow reader hurts only itself.
 */
export class EventBus {
  private readonly kept: EngineEvent[] = [];
  private readonly subscribers = new Set<Subscriber>();
  private lastTime = 0n;
  private droppedCount = 0;

  /** Who follows now, and how many were dropped so far. */
  get watchers(): { readonly events: number; readonly dropped: number } {
    return { events: this.subscribers.size, dropped: this.droppedCount };
  }

  /** Call after the transaction that made it true. */
  publish(event: Omit<EngineEvent, "timeNanoseconds">): void {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.lastTime = now > this.lastTime ? now : this.lastTime + 1n;
    const full: EngineEvent = { ...event, timeNanoseconds: this.lastTime };
    this.kept.push(full);
    if (this.kept.length > keptEvents) this.kept.shift();
    for (const subscriber of this.subscribers) {
      if (subscriber.queue.length >= queueLimit) {
        subscriber.dropped = true;
        this.droppedCount += 1;
        this.subscribers.delete(subscriber);
      } else {
        subscriber.queue.push(full);
      }
      subscriber.wake();
    }
  }

  /** What a prune of all objects of a type has come to. Bytes. */
  pruned(type: EngineEvent["type"], reclaimed: number): void {
    this.publish({ type, action: "prune", id: "", attributes: { reclaimed: String(reclaimed) } });
  }

  /**
   * Times in milliseconds; null leaves the bound open. Past events are given where either is told, as by Docker.
   * Subscribes at the call, not at the first read.
   */
  subscribe(
    since: number | null,
    until: number | null,
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent> {
    const subscriber: Subscriber = { queue: [], wake: () => undefined, dropped: false };
    if (since !== null || until !== null) {
      const from = BigInt(Math.floor((since ?? 0) * 1e6));
      subscriber.queue.push(...this.kept.filter((event) => event.timeNanoseconds >= from));
    }
    this.subscribers.add(subscriber);
    return this.drain(subscriber, until, signal);
  }

  private async *drain(
    subscriber: Subscriber,
    until: number | null,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;
    // A timer may fire early by the clock, and holds 24 days at most: it is set again for what is left.
    const arm = (): void => {
      const left = (until ?? Infinity) - Date.now();
      isOver = left <= 0;
      if (isOver) subscriber.wake();
      else timer = setTimeout(arm, Math.min(Math.ceil(left), longestTimer));
    };
    if (until !== null) arm();
    const wake = (): void => subscriber.wake();
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        const event = subscriber.queue.shift();
        if (event !== undefined) {
          // Docker takes the epoch itself for no limit of what is past.
          if (
            until !== null &&
            until > 0 &&
            event.timeNanoseconds > BigInt(Math.floor(until * 1e6))
          )
            return;
          yield event;
        } else if (subscriber.dropped || isOver) {
          return;
        } else {
          await new Promise<void>((resolve) => (subscriber.wake = resolve));
        }
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      this.subscribers.delete(subscriber);
    }
  }
}
