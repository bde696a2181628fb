import type { LogSink, LogSource } from "../../domain/log-sink.ts";

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
