import type { BuildEvent } from "../../../domain/build/event.ts";
import type { Digest } from "../../../domain/digest.ts";
import { race } from "../../../kit/abort.ts";

/** Bytes of one step's output that are kept and shown, as BuildKit has it. */
const stepLogLimit = 2 << 20;
/** Bytes of one build's output, and pieces of it and of its transfers, at most; further ones are dropped. */
const buildLogLimit = 32 << 20;
const maximumEvents = 200_000;
/** Bytes that an event takes beside its output, about. */
const eventSize = 256;
/** Bytes of a build's output that are kept across restarts. */
const savedLog = 4 << 20;
/** Events that go out in one message. */
const batchSize = 200;

/** Room for the output of several builds, in bytes. */
export class LogRoom {
  private left: number;

  constructor(size: number) {
    this.left = size;
  }

  /** Whether there were so many left, which then are not. */
  take(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.left += bytes;
  }
}

/** What has happened in one build, from its beginning, for as many as want to watch. */
export class Progress {
  private events: BuildEvent[] = [];
  private readonly logged = new Map<Digest, number>();
  private loggedInAll = 0;
  private readonly clipped = new Set<Digest>();
  private readonly room: LogRoom;
  private taken = 0;
  private watchers = 0;
  isTrimmed = false;
  private isEnded = false;
  private news = Promise.withResolvers<void>();
  private readonly vertices = new Map<
    Digest,
    { readonly cached: boolean; readonly done: boolean }
  >();
  warnings = 0;
  /** The first that failed. */
  failed: Digest | null = null;

  /** `room` is shared with other builds; output that it has no room for is dropped, and that told. */
  constructor(room = new LogRoom(2 * buildLogLimit)) {
    this.room = room;
  }

  readonly tell = (event: BuildEvent): void => {
    if (this.isEnded) return;
    // How steps end is told however much they have said.
    const isDetail = event.kind === "log" || event.kind === "status";
    if (isDetail && this.events.length >= maximumEvents) return;
    if (event.kind === "log" && !this.admit(event)) return;
    if (event.kind === "status" && !this.take(0)) return;
    if (event.kind === "vertex") {
      this.vertices.set(event.vertex, {
        cached: event.cached,
        done: event.completedAt !== null,
      });
      if (event.error !== "") this.failed ??= event.vertex;
    }
    if (event.kind === "warning") this.warnings += 1;
    this.events.push(event);
    this.wake();
  };

  /** What happened in a build that has ended. */
  replay(events: readonly BuildEvent[]): void {
    for (const event of events) this.tell(event);
    this.end();
  }

  /** As much as is worth keeping across restarts. */
  toSave(): readonly BuildEvent[] {
    let bytes = 0;
    return this.events.filter((event) => {
      if (event.kind !== "log") return true;
      bytes += event.data.length;
      return bytes <= savedLog;
    });
  }

  /** Forgets the output of what has ended; who watches it already sees it to the end. */
  trim(): void {
    this.isTrimmed = true;
    this.events = this.events.filter(({ kind }) => kind === "vertex" || kind === "warning");
    this.giveBack();
  }

  /** How many steps there were, in all, done, and done by the cache. */
  get steps(): { readonly total: number; readonly completed: number; readonly cached: number } {
    const all = [...this.vertices.values()];
    return {
      total: all.length,
      completed: all.filter(({ done }) => done).length,
      cached: all.filter(({ cached }) => cached).length,
    };
  }

  end(): void {
    this.isEnded = true;
    this.wake();
  }

  /** All events from the first on, in lots, until the build has ended. */
  async *follow(signal: AbortSignal): AsyncGenerator<readonly BuildEvent[]> {
    const { events } = this;
    this.watchers += 1;
    try {
      for (let next = 0; ;) {
        const news = this.news.promise;
        const lot = events.slice(next, next + batchSize);
        next += lot.length;
        if (lot.length > 0) yield lot;
        else if (this.isEnded) return;
        else await race(news, signal);
      }
    } finally {
      this.watchers -= 1;
      this.giveBack();
    }
  }

  private admit(event: Extract<BuildEvent, { kind: "log" }>): boolean {
    const after = (this.logged.get(event.vertex) ?? 0) + event.data.length;
    this.logged.set(event.vertex, after);
    this.loggedInAll += event.data.length;
    const isLittle = after <= stepLogLimit && this.loggedInAll <= buildLogLimit;
    if (isLittle && this.take(event.data.length)) return true;
    if (!this.clipped.has(event.vertex)) {
      this.clipped.add(event.vertex);
      const limit = after > stepLogLimit ? "log limit 2MiB" : "log limit of all steps";
      const notice = Buffer.from(`[output clipped, ${limit} reached]\n`);
      this.events.push({ ...event, stream: "stderr", data: notice });
      this.wake();
    }
    return false;
  }

  private take(output: number): boolean {
    const bytes = output + eventSize;
    if (!this.room.take(bytes)) return false;
    this.taken += bytes;
    return true;
  }

  /** Once nobody who watches keeps the output from being forgotten. */
  private giveBack(): void {
    if (!this.isTrimmed || this.watchers > 0) return;
    this.room.giveBack(this.taken);
    this.taken = 0;
  }

  private wake(): void {
    const { resolve } = this.news;
    this.news = Promise.withResolvers<void>();
    resolve();
  }
}
