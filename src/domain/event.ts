/** What happened to an object, as `docker events` tells it. Published after the transaction, never inside. */
export interface EngineEvent {
  readonly type: "builder" | "container" | "image" | "network" | "volume" | "daemon";
  /** Docker's action word: `create`, `start`, `die`, `exec_start: sh`, ... */
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch as a decimal number of milliseconds times a million. */
  readonly timeNanoseconds: bigint;
}
