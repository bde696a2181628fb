import type { LogEntry, LogSink, LogSource } from "../../domain/log-sink.ts";

export type Options = Readonly<Record<string, string>>;

/** One log driver that sends logs elsewhere. */
export interface SinkDriver {
  /** Its own options, besides those of all drivers. */
  readonly options: readonly string[];
  /** Throws `invalid` LOG_OPTION. */
  check(options: Options): void;
  connectsLater?(options: Options): boolean;
  open(options: Options, source: LogSource, signal: AbortSignal): Promise<LogSink>;
}

/** Docker's syslog and gelf drivers send nothing for an empty line. */
export function hasText(entry: LogEntry): boolean {
  return entry.data.length > 0;
}
