import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ContainerSpec } from "../../domain/container.ts";
import type { ObjectId } from "../../domain/identity.ts";
import type { LogLine } from "../../domain/log-line.ts";
import type { LogReader } from "../../domain/log-reader.ts";
import type { LogEntry, LogPart, LogSink } from "../../domain/log-sink.ts";
import { canceled } from "../../kit/abort.ts";
import { errnoOf } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { bufferSize } from "./log-settings.ts";

const firstRetryMilliseconds = 100;
const longestRetryMilliseconds = 10_000;
/** After the end of a run that its lines may still take, as Docker's logger gets to close. */
const graceMilliseconds = 10_000;
const noteMilliseconds = 1_000;
const newline = 0x0a;

interface ShipmentParts {
  readonly record: {
    readonly id: ObjectId;
    readonly spec: Pick<ContainerSpec, "logging">;
  };
  /** The log's file. */
  readonly path: string;
  /** Where it notes how far it is. */
  readonly directory: string;
  readonly ended: Promise<void>;
  readonly reader: LogReader;
  readonly log: Log;
  open(signal: AbortSignal): Promise<LogSink>;
  /** One that is open already. */
  readonly sink?: LogSink;
}

/**
 * Sends the lines of one run from the log's file to their destination. The file is the buffer: the workload never
 * waits, and what the destination does not take while it is away is sent later, as long as the file keeps it.
 */
export class LogShipment {
  private readonly parts: ShipmentParts;
  private readonly note: string;
  private readonly limit: number | null;
  private readonly partial = new Map<string, LogPart>();
  private sink: LogSink | undefined;
  private sent = "";
  private noting: NodeJS.Timeout | undefined;
  private noted: Promise<void> = Promise.resolve();
  /** Lines that wait for the destination, in mode non-blocking. */
  private waiting: LogEntry[] = [];
  private waitingBytes = 0;
  private dropped = 0;
  private draining: Promise<void> | undefined;

  constructor(parts: ShipmentParts) {
    this.parts = parts;
    this.sink = parts.sink;
    this.note = join(parts.directory, "log.sent");
    this.limit = bufferSize(parts.record.spec.logging);
  }

  /** Never fails: what keeps it from sending is told to the daemon's log. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController();
    let grace: NodeJS.Timeout | undefined;
    void this.parts.ended.then(() => {
      const why = new Error("the container has ended, and its log's destination takes no more");
      grace = setTimeout(() => stop.abort(why), graceMilliseconds).unref();
    });
    try {
      await this.ship(AbortSignal.any([signal, stop.signal]));
    } catch (error) {
      if (!signal.aborted) this.parts.log.warn("log-not-sent", { container: this.id, error });
    } finally {
      clearTimeout(grace);
      // Where the log could not be read to its end, lines may still be on their way.
      stop.abort(canceled("no more lines come"));
      await this.draining?.catch(() => undefined);
      clearTimeout(this.noting);
      await this.writeNote();
      await this.close();
    }
  }

  private get id(): string {
    return this.parts.record.id;
  }

  private async ship(signal: AbortSignal): Promise<void> {
    const { reader, path, ended } = this.parts;
    const since = await this.readNote();
    const options = { stdout: true, stderr: true, follow: true, since, until: 0n, tail: -1 };
    for await (const lines of reader.read(path, options, ended, signal)) {
      const entries = lines.map((line) => this.entryOf(line));
      if (this.limit === null) await this.deliver(entries, signal);
      else this.offer(entries, this.limit, signal);
    }
    await this.draining;
  }

  private entryOf({ stream, time, data }: LogLine): LogEntry {
    const isWhole = data.at(-1) === newline;
    const before = this.partial.get(stream);
    const content = isWhole ? data.subarray(0, -1) : data;
    if (isWhole) this.partial.delete(stream);
    if (isWhole && before === undefined) return { stream, time, data: content };
    const part = {
      id: before?.id ?? randomBytes(32).toString("hex"),
      ordinal: (before?.ordinal ?? 0) + 1,
      last: isWhole,
    };
    if (!isWhole) this.partial.set(stream, part);
    return { stream, time, data: content, part };
  }

  /** What finds no room is dropped: the newest, as in Docker. */
  private offer(entries: readonly LogEntry[], limit: number, signal: AbortSignal): void {
    for (const entry of entries) {
      const size = roomOf(entry);
      if (this.waitingBytes > 0 && this.waitingBytes + size > limit) {
        this.dropped += 1;
        continue;
      }
      this.waiting.push(entry);
      this.waitingBytes += size;
    }
    this.draining ??= this.drain(signal).finally(() => (this.draining = undefined));
    this.draining.catch(() => undefined);
  }

  private async drain(signal: AbortSignal): Promise<void> {
    while (this.waiting.length > 0) {
      const entries = this.waiting;
      this.waiting = [];
      await this.deliver(entries, signal);
      this.waitingBytes = this.waiting.reduce((sum, entry) => sum + roomOf(entry), 0);
      if (this.dropped > 0) {
        this.parts.log.warn("log-lines-dropped", { container: this.id, lines: this.dropped });
        this.dropped = 0;
      }
    }
  }

  /** Until they are taken, however often the destination goes away. */
  private async deliver(entries: readonly LogEntry[], signal: AbortSignal): Promise<void> {
    let wait = firstRetryMilliseconds;
    for (;;) {
      signal.throwIfAborted();
      try {
        this.sink ??= await this.parts.open(signal);
        await this.sink.send(entries, signal);
        break;
      } catch (error) {
        signal.throwIfAborted();
        await this.close();
        const isFirst = wait === firstRetryMilliseconds;
        if (isFirst) this.parts.log.warn("log-destination-gone", { container: this.id, error });
      }
      await delay(wait, undefined, { signal });
      wait = Math.min(wait * 2, longestRetryMilliseconds);
    }
    this.sent = entries.at(-1)?.time ?? this.sent;
    this.noting ??= setTimeout(() => {
      this.noting = undefined;
      void this.writeNote();
    }, noteMilliseconds).unref();
  }

  private async close(): Promise<void> {
    const { sink } = this;
    this.sink = undefined;
    try {
      await sink?.[Symbol.asyncDispose]();
    } catch (error) {
      this.parts.log.warn("log-destination-not-closed", { container: this.id, error });
    }
  }

  /** Nanoseconds from which on lines are to be sent. */
  private async readNote(): Promise<bigint> {
    try {
      const text = (await readFile(this.note, "utf8")).trim();
      this.sent = text;
      return this.parts.reader.momentOf(text) + 1n;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      return 0n;
    }
  }

  /** One after another, and so that a daemon which is killed meanwhile leaves the old or the new one. */
  private async writeNote(): Promise<void> {
    this.noted = this.noted.then(() => this.replaceNote());
    await this.noted;
  }

  private async replaceNote(): Promise<void> {
    if (this.sent === "") return;
    const fresh = `${this.note}.new`;
    try {
      await writeFile(fresh, `${this.sent}\n`, { mode: 0o600 });
      await rename(fresh, this.note);
    } catch (error) {
      // Of a container that was removed meanwhile there is no folder any more.
      if (errnoOf(error) === "ENOENT") return;
      this.parts.log.warn("log-position-not-noted", { container: this.id, error });
    }
  }
}

/** Of an empty line too: else any number of them would find room. */
function roomOf({ time, data }: LogEntry): number {
  return time.length + data.length;
}
