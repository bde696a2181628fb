import { parseGoBoolean } from "../kit/go-boolean.ts";
import { DuetError } from "../kit/errors.ts";
import { parseGoDuration } from "../kit/go-duration.ts";
import { parseBytes } from "./quantities.ts";
import { nearest } from "../kit/nearest.ts";

export type FlagKind = "boolean" | "string" | "integer" | "decimal" | "bytes" | "duration" | "list";

/** What the shell completes a value with. */
export type CompletionKind =
  | "containers"
  | "running-containers"
  | "images"
  | "networks"
  | "volumes"
  | "files"
  | "folders"
  | readonly string[];

export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  /** One line for `--help`. */
  readonly summary: string;
  readonly default?: string;
  /** Word for the value in `--help`; the kind's own where absent. */
  readonly value?: string;
  readonly completes?: CompletionKind;
  /** Taken, without effect, so that Docker's command lines work; not shown in `--help`. */
  readonly hidden?: boolean;
}

export interface ParsedLine {
  readonly flags: Flags;
  readonly positionals: readonly string[];
}

/** The flags of one command line. Getters throw a TypeError for a flag that the command doesn't declare. */
export class Flags {
  private readonly specs: ReadonlyMap<string, FlagSpec>;
  private readonly given = new Map<string, string[]>();

  constructor(specs: readonly FlagSpec[]) {
    this.specs = new Map(specs.map((spec) => [spec.name, spec]));
  }

  add(spec: FlagSpec, value: string): void {
    checkValue(spec, value);
    const values = this.given.get(spec.name);
    if (values === undefined) this.given.set(spec.name, [value]);
    else values.push(value);
  }

  /** True when the user wrote it, whatever its value. */
  has(name: string): boolean {
    this.spec(name);
    return this.given.has(name);
  }

  boolean(name: string): boolean {
    const text = this.last(name) ?? "false";
    return parseGoBoolean(text) === true;
  }

  string(name: string): string | undefined {
    return this.last(name);
  }

  list(name: string): string[] {
    this.spec(name);
    return [...(this.given.get(name) ?? [])];
  }

  integer(name: string): number | undefined {
    return this.decimal(name);
  }

  decimal(name: string): number | undefined {
    const text = this.last(name);
    return text === undefined ? undefined : Number(text);
  }

  /** `64m`, `1.5g`, plain bytes. */
  bytes(name: string): number | undefined {
    const text = this.last(name);
    return text === undefined ? undefined : parseBytes(text);
  }

  /** Milliseconds of `1m30s`. */
  duration(name: string): number | undefined {
    const text = this.last(name);
    return text === undefined ? undefined : parseGoDuration(text);
  }

  private last(name: string): string | undefined {
    const spec = this.spec(name);
    return this.given.get(name)?.at(-1) ?? spec.default;
  }

  private spec(name: string): FlagSpec {
    const spec = this.specs.get(name);
    if (spec === undefined) throw new TypeError(`flag --${name} is not declared`);
    return spec;
  }
}

/**
 * Takes a command line apart as Docker's CLI does (pflag): `--name value`, `--name=value`, `--flag`,
 * `--flag=false`, merged short flags (`-it`, `-p8080:80`, `-dp 80:80`), `--` ends the flags, and with
 * `stopAtPositional` the first word that is no flag does. Throws `invalid` with Docker's words.
 */
export function parseLine(
  specs: readonly FlagSpec[],
  words: readonly string[],
  stopAtPositional: boolean,
): ParsedLine {
  const flags = new Flags(specs);
  const positionals: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === "--") {
      positionals.push(...queue);
      break;
    }
    if (word.startsWith("--")) takeLong(specs, flags, word, queue);
    else if (word.startsWith("-") && word.length > 1) takeShort(specs, flags, word, queue);
    else {
      positionals.push(word);
      if (!stopAtPositional) continue;
      positionals.push(...queue);
      break;
    }
  }
  return { flags, positionals };
}

function takeLong(specs: readonly FlagSpec[], flags: Flags, word: string, queue: string[]): void {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec === undefined) throw unknownFlag(specs, name);
  if (equals >= 0) flags.add(spec, word.slice(equals + 1));
  else if (spec.kind === "boolean") flags.add(spec, "true");
  else flags.add(spec, valueFrom(queue, `--${name}`));
}

function takeShort(specs: readonly FlagSpec[], flags: Flags, word: string, queue: string[]): void {
  for (let at = 1; at < word.length; at += 1) {
    const letter = word[at]!;
    const rest = word.slice(at + 1);
    const spec = specs.find((candidate) => candidate.short === letter);
    if (spec === undefined) {
      throw usageError("UNKNOWN_FLAG", `unknown shorthand flag: '${letter}' in ${word}`);
    }
    if (rest.startsWith("=")) return flags.add(spec, rest.slice(1));
    if (spec.kind === "boolean") flags.add(spec, "true");
    else return flags.add(spec, rest === "" ? valueFrom(queue, `-${letter}`) : rest);
  }
}

function valueFrom(queue: string[], flag: string): string {
  const value = queue.shift();
  if (value === undefined)
    throw usageError("FLAG_WITHOUT_VALUE", `flag needs an argument: ${flag}`);
  return value;
}

function unknownFlag(specs: readonly FlagSpec[], name: string): DuetError {
  const names = specs.filter((spec) => spec.hidden !== true).map((spec) => spec.name);
  const close = nearest(name, names);
  return usageError("UNKNOWN_FLAG", `unknown flag: --${name}`, close && `did you mean --${close}?`);
}

/** A command line that cannot be understood; exit code 125, as Docker's. */
export function usageError(code: string, message: string, hint?: string): DuetError {
  return new DuetError("invalid", code, message, hint === undefined ? {} : { hint });
}

function checkValue(spec: FlagSpec, value: string): void {
  const problem = problemWith(spec.kind, value);
  if (problem === null) return;
  const flag = spec.short === undefined ? `--${spec.name}` : `-${spec.short}, --${spec.name}`;
  throw usageError("BAD_FLAG_VALUE", `invalid argument "${value}" for "${flag}" flag: ${problem}`);
}

function problemWith(kind: FlagKind, value: string): string | null {
  switch (kind) {
    case "boolean":
      return parseGoBoolean(value) !== undefined ? null : "write true or false";
    case "integer":
      return /^[+-]?\d{1,15}$/.test(value) ? null : "not a whole number";
    case "decimal":
      return /^[+-]?(\d{1,15}(\.\d{0,9})?|\.\d{1,9})$/.test(value) ? null : "not a number";
    case "bytes":
      return parseBytes(value) === undefined ? `invalid size: '${value}'` : null;
    case "duration":
      return parseGoDuration(value) === undefined ? "not a duration such as 1m30s" : null;
    default:
      return null;
  }
}
