export type Verdict = "ok" | "warn" | "fail";

/** What a probe found out about one thing of the host. */
export interface Finding {
  /** Group, stable and kebab-case, such as `oci-runtime`. */
  readonly probe: string;
  readonly verdict: Verdict;
  /** What is there or is missing, one sentence without a full stop. */
  readonly what: string;
  /** Why it matters; for `ok` often empty. */
  readonly why: string;
  /** What to do; empty for `ok`. */
  readonly remedy: string;
}

/** Asks the host one question. Never throws for what a host may lack; honours the signal. */
export interface Probe {
  readonly name: string;
  run(host: Host): Promise<readonly Finding[]>;
}

/** What probes may look at, so that tests can put another host in its place. */
export interface Host {
  readonly signal: AbortSignal;
  readonly dataRoot: string;
  /** The text of a small file, or undefined. */
  read(path: string): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  list(path: string): Promise<readonly string[]>;
  /** What a program prints, errors only where nothing else, or undefined where it is missing or prints nothing. */
  output(program: string, ...args: string[]): Promise<string | undefined>;
  /** Bytes free for everyone, and in all, on the file system that holds `path`. */
  space(path: string): Promise<{ readonly free: number; readonly total: number }>;
  /** A gzip file's text, or undefined. */
  readCompressed(path: string): Promise<string | undefined>;
  /** Whether the path can be opened for reading and writing. */
  canOpen(path: string): Promise<boolean>;
  /** What the daemon says of itself; undefined while none runs. */
  daemon(): Promise<DaemonFacts | undefined>;
  /** uname -r. */
  readonly kernel: string;
  /** A pid file that names a living process. */
  runs(pidFile: string): Promise<boolean>;
}

export interface DaemonFacts {
  readonly version: string;
  readonly runtimes: readonly {
    readonly name: string;
    readonly isolation: string;
    readonly description: string;
  }[];
}

export function ok(probe: string, what: string, why = ""): Finding {
  return { probe, verdict: "ok", what, why, remedy: "" };
}

export function warn(probe: string, what: string, why: string, remedy: string): Finding {
  return { probe, verdict: "warn", what, why, remedy };
}

export function fail(probe: string, what: string, why: string, remedy: string): Finding {
  return { probe, verdict: "fail", what, why, remedy };
}
