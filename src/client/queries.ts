export interface AttachQuery {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly logs?: boolean;
  readonly stream?: boolean;
  /** Docker's spelling, such as `ctrl-p,ctrl-q`. */
  readonly detachKeys?: string;
}

export interface LogsQuery {
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  readonly details?: boolean;
  /** Seconds since the epoch with fraction, as text. */
  readonly since?: string;
  readonly until?: string;
  /** Number of lines or `all`. */
  readonly tail?: string;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface StopQuery {
  /** Seconds; -1 waits for ever. */
  readonly timeout?: number | undefined;
  readonly signal?: string | undefined;
}
