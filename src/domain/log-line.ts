import type { OutputChunk } from "./process.ts";

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Milliseconds since the epoch, or 0. */
  readonly since: number;
  readonly until: number;
  /** Lines from the end; -1 all. */
  readonly tail: number;
}

export interface LogLine extends OutputChunk {
  /** RFC 3339 with nanoseconds, as logged. */
  readonly time: string;
}
