import type { OutputChunk } from "./process.ts";

/** A line of a container, or a part of a long one, on its way to where its logs go. */
export interface LogEntry {
  readonly stream: OutputChunk["stream"];
  /** RFC 3339 with nanoseconds, as logged. */
  readonly time: string;
  /** Without the line's end. */
  readonly data: Uint8Array;
  /** Of a line that comes in parts, or has no end. */
  readonly part?: LogPart;
}

export interface LogPart {
  /** The same for all parts of a line. */
  readonly id: string;
  /** From 1. */
  readonly ordinal: number;
  readonly last: boolean;
}

/** Whose lines they are. */
export interface LogSource {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly imageName: string;
  readonly command: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly tag: string;
  /** Labels and variables that were asked for. */
  readonly attributes: ReadonlyMap<string, string>;
}

/** A connection to a log's destination. */
export interface LogSink {
  /**
   * Resolves once the destination, or the kernel on the way to it, has taken all of them. Throws where it is gone; some may
   * have arrived then.
   */
  send(entries: readonly LogEntry[], signal: AbortSignal): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The log drivers that send logs elsewhere. */
export interface LogDestinations {
  readonly drivers: readonly string[];
  /** Throws `invalid` LOG_OPTION for what Docker refuses at create. */
  check(driver: string, options: Readonly<Record<string, string>>): void;
  /** Whether a start need not wait until the destination is there. */
  connectsLater(driver: string, options: Readonly<Record<string, string>>): boolean;
  /** Throws in the words of Docker's start. */
  open(
    driver: string,
    options: Readonly<Record<string, string>>,
    source: LogSource,
    signal: AbortSignal,
  ): Promise<LogSink>;
}
