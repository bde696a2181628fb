import type { Duet } from "../client/duet.ts";
import type { SettingSources } from "../client/settings.ts";
import type { CompletionKind, Flags, FlagSpec } from "./flags.ts";
import type { Terminal } from "./terminal/terminal.ts";

export interface Example {
  /** What it does, a short sentence. */
  readonly what: string;
  /** The line to type. */
  readonly line: string;
}

/** Everything one command is: parsing, `--help`, completion and docs/cli.md come from this. */
export interface Command {
  /** After the command's words, such as `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  readonly usage: string;
  readonly flags: readonly FlagSpec[];
  /** How many words it takes besides flags; a missing `maximum` is any number. */
  readonly minimum: number;
  readonly maximum?: number;
  /** The first word that is no flag ends the flags: the rest belongs to the workload's command. */
  readonly stopsAtPositional?: boolean;
  /** What the shell completes its words with; the last entry repeats. */
  readonly completes?: readonly CompletionKind[];
  readonly examples: readonly Example[];
  /** A paragraph for `--help`, after the summary. */
  readonly description?: string;
  /** Exit code where Duet fails: 125 for run and create, as Docker's, else 1. Flags that mean nothing give 125 everywhere. */
  readonly failureExit?: number;
  /** Gives the exit code; nothing means 0. Throws DuetError. */
  run(context: Context): Promise<number | void>;
}

/** What a command works with. */
export interface Context {
  readonly flags: Flags;
  /** The words besides flags. */
  readonly words: readonly string[];
  readonly terminal: Terminal;
  /** Connects with the first call; the same one each time. */
  duet(): Duet;
  /** Aborts at SIGINT or SIGTERM, unless the command takes signals itself (`keepSignals`). */
  readonly signal: AbortSignal;
  /** From now on signals are the command's own affair. */
  keepSignals(): void;
  readonly global: GlobalOptions;
}

export interface GlobalOptions {
  readonly host: string | undefined;
  readonly dataRoot: string | undefined;
  readonly runFolder: string | undefined;
  readonly configFile: string | undefined;
  /** Files for TLS that were named; see SettingSources. */
  readonly certificates: SettingSources["certificates"];
  readonly debug: boolean;
}
