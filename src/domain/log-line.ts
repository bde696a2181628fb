import type { OutputChunk } from "./process.ts";

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Nanoseconds since the epoch, both included, or 0. */
  readonly since: bigint;
  readonly until: bigint;
  /** Lines from the end; -1 all. */
  readonly tail: number;
}

export interface LogLine extends OutputChunk {
  /** RFC 3339 with nanoseconds, as logged. */
  readonly time: string;
}
