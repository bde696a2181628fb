import type { ImageProcess } from "../image.ts";
import { parseSignal } from "../../kit/signal-number.ts";
import { goQuote, InstructionFault } from "./dockerfile-error.ts";
import type { CommandLine, Instruction } from "./instruction.ts";
import { cleanPath } from "./paths.ts";
import { exposedPorts } from "./ports.ts";

/** How the words of an instruction are expanded. */
export interface WordReader {
  one(word: string): string;
  /** Splits after variables were replaced. */
  many(word: string): readonly string[];
}

/** What an instruction makes of an image's configuration. */
export interface Configured {
  readonly process: ImageProcess;
  /** BuildKit's `created_by`; null where it writes none. */
  readonly createdBy: string | null;
  /** Those that ENV has set. */
  readonly variables?: readonly (readonly [name: string, value: string])[];
  /** What EXPOSE was given. */
  readonly ports?: readonly string[];
}

export type ConfiguringInstruction = Exclude<
  Instruction,
  { readonly kind: "FROM" | "ARG" | "RUN" | "COPY" | "ADD" | "MAINTAINER" }
>;

/**
 * Applies an instruction that changes the configuration alone. `hasCommand` is whether CMD was given in this
 * stage, which ENTRYPOINT then keeps. Throws InstructionFault.
 */
export function configure(
  process: ImageProcess,
  instruction: ConfiguringInstruction,
  words: WordReader,
  hasCommand: boolean,
): Configured {
  switch (instruction.kind) {
    case "CMD": {
      const command = inShell(process, instruction.command);
      return { process: { ...process, command }, createdBy: `CMD ${listText(command)}` };
    }
    case "ENTRYPOINT": {
      const given = inShell(process, instruction.command);
      const entrypoint = given.length === 0 ? null : given;
      const command = hasCommand ? process.command : null;
      const createdBy = `ENTRYPOINT ${listText(given)}`;
      return { process: { ...process, entrypoint, command }, createdBy };
    }
    case "HEALTHCHECK": {
      const healthcheck = instruction.check;
      const createdBy = `HEALTHCHECK ${healthcheckText(healthcheck)}`;
      return { process: { ...process, healthcheck }, createdBy };
    }
    case "SHELL": {
      const { shell } = instruction;
      return { process: { ...process, shell }, createdBy: `SHELL [${shell.join(" ")}]` };
    }
    case "ONBUILD": {
      const onBuild = [...process.onBuild, instruction.trigger];
      return { process: { ...process, onBuild }, createdBy: null };
    }
    default:
      return configureWords(process, instruction, words);
  }
}

function configureWords(
  process: ImageProcess,
  instruction: Exclude<
    ConfiguringInstruction,
    { readonly kind: "CMD" | "ENTRYPOINT" | "HEALTHCHECK" | "SHELL" | "ONBUILD" }
  >,
  words: WordReader,
): Configured {
  switch (instruction.kind) {
    case "ENV":
    case "LABEL": {
      const pairs = instruction.pairs.map(
        ({ name, value }) => [words.one(name), words.one(value)] as const,
      );
      const texts = pairs.map(([name, value]) => ` ${name}=${value}`);
      const createdBy = instruction.kind + texts.join("");
      if (instruction.kind === "ENV") {
        const env = withVariables(process.env, pairs);
        return { process: { ...process, env }, createdBy, variables: pairs };
      }
      const labels = { ...process.labels, ...Object.fromEntries(pairs) };
      return { process: { ...process, labels }, createdBy };
    }
    case "EXPOSE": {
      const written = instruction.ports.flatMap((port) => words.many(port));
      const ports = exposedPorts(written);
      const all = [...new Set([...process.exposedPorts, ...ports])];
      const createdBy = `EXPOSE [${ports.join(" ")}]`;
      return { process: { ...process, exposedPorts: all }, createdBy, ports: written };
    }
    case "VOLUME": {
      const paths = instruction.paths.map((path) => words.one(path));
      if (paths.includes("")) {
        throw new InstructionFault("VOLUME specified can not be an empty string");
      }
      const volumes = [...new Set([...process.volumes, ...paths])];
      return { process: { ...process, volumes }, createdBy: `VOLUME [${paths.join(" ")}]` };
    }
    default:
      return configureText(process, instruction.kind, words.one(instruction.value));
  }
}

function configureText(
  process: ImageProcess,
  kind: "WORKDIR" | "USER" | "STOPSIGNAL",
  value: string,
): Configured {
  if (kind === "USER") return { process: { ...process, user: value }, createdBy: `USER ${value}` };
  if (kind === "STOPSIGNAL") {
    try {
      parseSignal(value);
    } catch {
      throw new InstructionFault(`invalid signal: ${value.slice(0, 40)}`);
    }
    return { process: { ...process, stopSignal: value }, createdBy: `STOPSIGNAL ${value}` };
  }
  // BuildKit writes an absolute path as it is given.
  const isAbsolute = value.startsWith("/");
  const workingDirectory = isAbsolute ? value : cleanPath(`${process.workingDirectory}/${value}`);
  return { process: { ...process, workingDirectory }, createdBy: `WORKDIR ${workingDirectory}` };
}

/** The words to run, the shell's before them where the instruction has the shell's form. */
export function inShell(process: ImageProcess, command: CommandLine): readonly string[] {
  if (!command.isShell) return command.words;
  const shell = process.shell ?? [];
  return [...(shell.length === 0 ? ["/bin/sh", "-c"] : shell), command.words.join(" ")];
}

function withVariables(
  env: readonly string[],
  given: readonly (readonly [string, string])[],
): readonly string[] {
  const all = new Map(env.map((entry): [string, string] => [entry.split("=", 1)[0]!, entry]));
  for (const [name, value] of given) all.set(name, `${name}=${value}`);
  return [...all.values()];
}

/** Go's %q of a list of texts. */
function listText(words: readonly string[]): string {
  return `[${words.map((word) => goQuote(word)).join(" ")}]`;
}

/** Go's %q of Docker's HealthConfig. */
function healthcheckText(check: NonNullable<ImageProcess["healthcheck"]>): string {
  const { interval, timeout, startPeriod, startInterval, retries } = check;
  const times = [interval, timeout, startPeriod, startInterval].map(
    (each) => `"${goDuration(each)}"`,
  );
  return `&{${listText(check.test)} ${times.join(" ")} ${runeText(retries)}}`;
}

/** Go's %q of a number: the character of that number in single quotes. */
function runeText(code: number): string {
  const isCharacter = code <= 0x10_ff_ff && !(code >= 0xd8_00 && code <= 0xdf_ff);
  const character = isCharacter ? String.fromCodePoint(code) : "\ufffd";
  if (character === "'") return String.raw`'\''`;
  if (character === '"') return `'"'`;
  return `'${goQuote(character).slice(1, -1)}'`;
}

/** Go's Duration.String of nanoseconds. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1e9) {
    const [unit, name] = (
      [
        [1e6, "ms"],
        [1e3, "µs"],
        [1, "ns"],
      ] as const
    ).find(([size]) => nanoseconds >= size)!;
    return `${nanoseconds / unit}${name}`;
  }
  const hours = Math.floor(nanoseconds / 3.6e12);
  const minutes = Math.floor((nanoseconds % 3.6e12) / 6e10);
  const seconds = (nanoseconds % 6e10) / 1e9;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}
