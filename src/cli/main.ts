import { canceled } from "../kit/abort.ts";
import { toDuetError } from "../kit/errors.ts";
import { Duet } from "../client/duet.ts";
import type { Command, Context, GlobalOptions } from "./command.ts";
import { parseLine, usageError, type Flags, type ParsedLine } from "./flags.ts";
import { findEntry, globalFlags, groupWords } from "./help.ts";
import { exitCodeOf, reportError } from "./report-error.ts";
import { commandTable, type TableEntry } from "./table.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** Runs one command line (without the program's name) and gives its exit code. Never throws. */
export async function runCli(words: readonly string[], terminal: Terminal): Promise<number> {
  let debug = false;
  try {
    const { flags, positionals } = parseLine(globalFlags, words, true);
    debug = flags.boolean("debug");
    if (flags.boolean("version")) {
      const { clientVersion } = await import("./version-text.ts");
      terminal.print(`Duet version ${clientVersion()}`);
      return 0;
    }
    if (positionals.length === 0 || flags.boolean("help"))
      return await printHelp(positionals, terminal);
    const found = findEntry(positionals);
    if (found === undefined) return await unknownCommand(positionals, terminal);
    return await runCommand(
      found.entry,
      positionals.slice(found.used),
      globalOptions(flags),
      terminal,
    );
  } catch (error) {
    reportError(terminal, error, debug);
    return exitCodeOf(error, 125);
  }
}

async function printHelp(words: readonly string[], terminal: Terminal): Promise<number> {
  const { showHelp } = await import("./commands/help.ts");
  terminal.print(await showHelp(words, terminal.columns()));
  return 0;
}

async function unknownCommand(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first = "", second] = words;
  const known = groupWords();
  if (known.includes(first) && (second === undefined || second === "--help" || second === "-h")) {
    return await printHelp([first], terminal);
  }
  const { nearest } = await import("../kit/nearest.ts");
  const wanted = known.includes(first) && second !== undefined ? `${first} ${second}` : first;
  const close = nearest(
    wanted,
    commandTable.flatMap((entry) => entry.names),
  );
  const help = known.includes(first) ? `duet ${first} --help` : "duet --help";
  const hint =
    dockersOwn[first] ?? (close === undefined ? `see '${help}'` : `did you mean 'duet ${close}'?`);
  reportError(
    terminal,
    usageError("UNKNOWN_COMMAND", `'${wanted}' is not a duet command`, hint),
    false,
  );
  return 1;
}

/** What Docker's client has and Duet's does not, with what to use. */
const dockersOwn: Readonly<Record<string, string>> = {
  buildx:
    "use 'duet build', or docker's own: DOCKER_HOST=unix:///run/duet/docker.sock docker buildx",
  compose: "docker's own works: DOCKER_HOST=unix:///run/duet/docker.sock docker compose",
  context: "name the daemon with --host or DUET_HOST",
  search: "look in the registry's own pages; 'duet pull' takes what they name",
  swarm: "Duet is one host's engine and has no swarm",
};

async function runCommand(
  entry: TableEntry,
  words: readonly string[],
  global: GlobalOptions,
  terminal: Terminal,
): Promise<number> {
  const { command } = await entry.load();
  let exitCode = 125;
  try {
    const { flags, positionals } = parseCommand(entry, command, words);
    exitCode = 1;
    if (flags.boolean("help")) {
      const { commandHelp } = await import("./help.ts");
      terminal.print(commandHelp(entry, command, terminal.columns()));
      return 0;
    }
    checkCount(entry, command, positionals.length);
    exitCode = command.failureExit ?? 1;
    return await runParsed(command, flags, positionals, global, terminal);
  } catch (error) {
    reportError(terminal, error, global.debug);
    return exitCodeOf(error, exitCode);
  }
}

function parseCommand(entry: TableEntry, command: Command, words: readonly string[]): ParsedLine {
  const help = { name: "help", kind: "boolean", summary: "Print usage" } as const;
  try {
    return parseLine([...command.flags, help], words, command.stopsAtPositional === true);
  } catch (error) {
    const { code, message, hint } = toDuetError(error);
    throw usageError(code, message, hint ?? `see 'duet ${entry.names[0]} --help'`);
  }
}

async function runParsed(
  command: Command,
  flags: Flags,
  words: readonly string[],
  global: GlobalOptions,
  terminal: Terminal,
): Promise<number> {
  const interrupts = new Interrupts();
  let duet: Duet | null = null;
  const context: Context = {
    flags,
    words,
    terminal,
    global,
    signal: interrupts.signal,
    keepSignals: () => interrupts.release(),
    duet: () => (duet ??= connect(global, terminal)),
  };
  try {
    return (await command.run(context)) ?? 0;
  } finally {
    interrupts.release();
    await (duet as Duet | null)?.[Symbol.asyncDispose]();
  }
}

function connect(global: GlobalOptions, terminal: Terminal): Duet {
  const { host, dataRoot, runFolder, configFile, certificates } = global;
  const onStarting = (): void => terminal.warn("Starting the Duet daemon…");
  return new Duet({ host, dataRoot, runFolder, configFile, certificates, onStarting });
}

/** The first SIGINT or SIGTERM aborts the command; a second one ends the process at once. */
class Interrupts {
  private readonly controller = new AbortController();
  private readonly listener = (name: NodeJS.Signals): void => {
    this.release();
    this.controller.abort(canceled(name === "SIGINT" ? "interrupted" : `got ${name}`));
  };

  constructor() {
    process.on("SIGINT", this.listener);
    process.on("SIGTERM", this.listener);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  release(): void {
    process.off("SIGINT", this.listener);
    process.off("SIGTERM", this.listener);
  }
}

function checkCount(entry: TableEntry, command: Command, count: number): void {
  const { minimum, maximum } = command;
  if (count >= minimum && (maximum === undefined || count <= maximum)) return;
  const wanted =
    maximum === minimum
      ? String(minimum)
      : count < minimum
        ? `at least ${minimum}`
        : `at most ${maximum}`;
  const plural = wanted.endsWith(" 1") || wanted === "1" ? "argument" : "arguments";
  throw usageError(
    "WRONG_ARGUMENT_COUNT",
    `'duet ${entry.names[0]}' takes ${wanted} ${plural}, got ${count}`,
    `usage: duet ${entry.names[0]} ${command.usage}`,
  );
}

function globalOptions(flags: Flags): GlobalOptions {
  return {
    host: flags.string("host"),
    dataRoot: flags.string("data-root"),
    runFolder: flags.string("run-dir"),
    configFile: flags.string("config"),
    certificates: {
      authority: flags.string("tlscacert"),
      certificate: flags.string("tlscert"),
      key: flags.string("tlskey"),
    },
    debug: flags.boolean("debug"),
  };
}
