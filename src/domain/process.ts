/** The PATH of a process that is given none. */
export const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A process to run inside a workload, everything resolved but the user's name. */
export interface ProcessSpec {
  /** At least one word; the first is looked up in the workload's PATH. */
  readonly argv: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  readonly workingDirectory: string;
  /** "", "user", "uid", "user:group", "uid:gid": resolved inside the workload's root. */
  readonly user: string;
  /** Names or ids of supplementary groups, resolved inside the workload's root. */
  readonly groups: readonly string[];
  readonly terminal: TerminalSize | null;
  /** Whether stdin is connected; without it the process reads end of file. */
  readonly stdin: boolean;
  /** Whether the end of an attached client's input is the process's. Absent: it is. An exec's always is. */
  readonly stdinOnce?: boolean;
  readonly privileged: boolean;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface ExitRecord {
  /** 0–255; 128 + signal for a process ended by a signal. */
  readonly code: number;
  readonly outOfMemory: boolean;
  /** Milliseconds since the epoch. */
  readonly exitedAt: number;
  /** Set where the process could not be run at all: what the runtime said. */
  readonly error?: string;
}

export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

/**
 * The streams of one process, as one client sees them. Reading `output` slowly holds the process
 * back; `output` ends when the process has closed its output or the streams were detached.
 */
export interface AttachedStreams {
  readonly output: AsyncIterable<OutputChunk>;
  /** Resolves when the bytes are on their way and more are welcome. Bytes for a closed stdin are dropped. */
  write(data: Uint8Array): Promise<void>;
  closeInput(): Promise<void>;
  detach(): void;
}
