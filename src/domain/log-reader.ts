import type { LogOptions, LogLine } from "./log-line.ts";

/** Reads what a shim has logged of a workload, rotated files included. */
export interface LogReader {
  /**
   * Lines of the log at `path` (a WorkloadLog's), oldest first, as many at a time as are read at once. With `follow` it goes on until
   * `ended` settles and everything written by then has been given.
   */
  read(
    path: string,
    options: LogOptions,
    ended: Promise<void>,
    signal: AbortSignal,
  ): AsyncIterable<readonly LogLine[]>;
  /** Nanoseconds since the epoch of a line's time; 0 for what is none. */
  momentOf(time: string): bigint;
  /** Compresses files of the log that are rotated away, until `ended` settles and what is left is done. */
  compress(path: string, ended: Promise<void>, signal: AbortSignal): Promise<void>;
}
