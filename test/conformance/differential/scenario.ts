/** What an answer is to become; `since` is the first version of the API that it holds for, all where none is said. */
export interface Until {
  readonly place: string;
  readonly is: string;
  readonly since?: string;
}

/** One request of a scenario, and how its answer is read. */
export interface Step {
  /**
   * Method and path such as `POST /containers/create?name=web`. `{{name}}` stands for what an earlier
   * step captured; `{{start}}`, `{{now}}` (seconds since 1970) and `{{end}}`, the last `{{now}}`, are given. The version is put before the path.
   */
  readonly request: string;
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  /** Sent as a tar: the text of each by its path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Another version than that of the play, or null for a path without one. */
  readonly version?: string | null;
  /** Names for values of the answer, by their place, such as `Id` or `0.Names.0`. */
  readonly capture?: Readonly<Record<string, string>>;
  /** How the body is read; by its content type where nothing is said. */
  readonly read?: Reading;
  /** Asks to upgrade, sends this, and closes its half. */
  readonly input?: string;
  /** Breaks a stream off after so many lines. */
  readonly lines?: number;
  /** Goes on with the next step once the head has come; `{ join }` awaits the rest. */
  readonly behind?: string;
  /**
   * Asked again until the answer has this value at this place, or for some seconds; the last one that holds
   * for the version counts.
   */
  readonly until?: readonly Until[];
  /** Elements of the body's list come in no order. */
  readonly unordered?: true;
  /** The answer is of the host, so recordings do not keep it. */
  readonly isOfHost?: true;
}

export interface Join {
  /** A step that was left behind. */
  readonly join: string;
}

export type Reading = "json" | "lines" | "frames" | "text" | "tar" | "keys" | "nothing";

/** Requests that belong together. What they made is removed before the next scenario. */
export interface Scenario {
  readonly name: string;
  /** Also in the short form, which runs with the other tests. */
  readonly quick?: true;
  /** Other versions of the API in which it is recorded: some that are met often, or each. */
  readonly versions?: "some" | "each";
  readonly steps: readonly (Step | Join)[];
}

/** `filters=` with its JSON, escaped. */
export function filters(value: unknown): string {
  return `filters=${encodeURIComponent(JSON.stringify(value))}`;
}

/** A container of busybox that runs a shell line. */
export function shell(line: string, more: Readonly<Record<string, unknown>> = {}): unknown {
  return { Image: "busybox", Cmd: ["sh", "-c", line], ...more };
}

/** What `idle` runs: it ends at once when it is asked to, once its first command has begun. */
export const idleScript = "trap 'exit 0' TERM; while :; do sleep 600 & wait; done";

/** A container of busybox that waits to be stopped, which it does at once. */
export function idle(more: Readonly<Record<string, unknown>> = {}): unknown {
  return shell(idleScript, more);
}
