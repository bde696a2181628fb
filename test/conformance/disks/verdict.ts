/** What became of one case. */
export interface Verdict {
  readonly name: string;
  /** What is wrong, a line each. */
  readonly found: readonly string[];
  /** For cases that may end in several ways, all of them right: which, to be counted. */
  readonly outcome?: string;
  /** Milliseconds of the slowest answer to a ping, to be told. */
  readonly slowestPing?: number;
}

/** A case that this host cannot tell right from wrong. */
export class NotHere extends Error {}
