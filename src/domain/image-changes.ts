import { DuetError } from "../kit/errors.ts";
import type { Healthcheck, ImageProcess } from "./image.ts";
import { expandVariables, splitWords } from "./instruction-words.ts";

const longest = 64 << 10;

/**
 * What instructions of a Dockerfile make of an image's configuration, as `docker commit --change` and
 * `docker import --change` take them. Throws `invalid` CHANGE_INVALID in Docker's words.
 */
export function applyChanges(process: ImageProcess, changes: readonly string[]): ImageProcess {
  const lines = changes.flatMap((change) => logicalLines(change));
  /* An ENTRYPOINT drops the command that was there before, but none that is given with it. */
  const isCommand = (line: string): number => (/^cmd\b/i.test(line) ? 1 : 0);
  const ordered = lines.toSorted((one, other) => isCommand(one) - isCommand(other));
  return ordered.reduce((before, line) => applyLine(before, line), process);
}

/** Lines that end with a backslash go on in the next; empty ones and comments are left out. */
function logicalLines(text: string): readonly string[] {
  if (text.length > longest || text.includes("\0")) {
    throw invalid(`it is over ${longest} characters long, or holds a NUL`);
  }
  return text
    .replaceAll(/\\[ \t]*\r?\n/g, "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

type Instruction = (process: ImageProcess, rest: string) => ImageProcess;

const instructions: Readonly<Record<string, Instruction>> = {
  CMD: (process, rest) => ({ ...process, command: commandOf(process, rest) }),
  ENTRYPOINT: (process, rest) => ({
    ...process,
    entrypoint: commandOf(process, rest),
    command: null,
  }),
  ENV: (process, rest) => ({
    ...process,
    env: withVariables(process.env, pairs("ENV", process, rest)),
  }),
  EXPOSE: (process, rest) => {
    const ports = expandedWords(process, rest).map(portOf);
    return { ...process, exposedPorts: [...new Set([...process.exposedPorts, ...ports])] };
  },
  HEALTHCHECK: (process, rest) => ({ ...process, healthcheck: healthcheckOf(rest) }),
  LABEL: (process, rest) => ({
    ...process,
    labels: { ...process.labels, ...Object.fromEntries(pairs("LABEL", process, rest)) },
  }),
  ONBUILD: (process, rest) => ({ ...process, onBuild: [...process.onBuild, triggerOf(rest)] }),
  STOPSIGNAL: (process, rest) => ({ ...process, stopSignal: oneWord("STOPSIGNAL", process, rest) }),
  USER: (process, rest) => ({ ...process, user: oneWord("USER", process, rest) }),
  VOLUME: (process, rest) => {
    const given = jsonWords(rest) ?? expandedWords(process, rest);
    if (given.length === 0) throw invalid("VOLUME requires at least one argument");
    if (given.includes("")) throw invalid("VOLUME specified can not be an empty string");
    return { ...process, volumes: [...new Set([...process.volumes, ...given])] };
  },
  WORKDIR: (process, rest) => {
    const given = oneWord("WORKDIR", process, rest);
    const base = given.startsWith("/") ? "" : process.workingDirectory;
    return { ...process, workingDirectory: cleanPath(`${base}/${given}`) };
  },
};

function applyLine(process: ImageProcess, line: string): ImageProcess {
  const [word, rest] = cut(line);
  const instruction = instructions[word.toUpperCase()];
  if (instruction === undefined || !Object.hasOwn(instructions, word.toUpperCase())) {
    throw invalid(`${word.slice(0, 40)} is not a valid change command`);
  }
  if (rest === "") throw invalid(`${word.toUpperCase()} requires at least one argument`);
  return instruction(process, rest);
}

function cut(line: string): readonly [string, string] {
  const at = line.search(/\s/);
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at).trim()];
}

/** The words of the form `["a", "b"]`; undefined where it is another. */
function jsonWords(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((word) => typeof word === "string")) return value;
  } catch {
    /* Docker takes it for a shell's line, too. */
  }
  return undefined;
}

function commandOf(process: ImageProcess, text: string): readonly string[] {
  return jsonWords(text) ?? [...(process.shell ?? ["/bin/sh", "-c"]), text];
}

function expandedWords(process: ImageProcess, text: string): readonly string[] {
  return splitWords(text).map((word) => expandVariables(word, process.env));
}

function oneWord(name: string, process: ImageProcess, text: string): string {
  const words = splitWords(text);
  if (words.length !== 1) throw invalid(`${name} requires exactly one argument`);
  return expandVariables(words[0]!, process.env);
}

/** `A=b C=d`, or the old form `A b c`. */
function pairs(
  name: string,
  process: ImageProcess,
  text: string,
): readonly (readonly [string, string])[] {
  const words = splitWords(text);
  if (!words[0]!.includes("=")) {
    const [key, value] = cut(text);
    if (value === "") throw invalid(`${name} must have two arguments`);
    return [[key, expandVariables(value, process.env)]];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at < 0)
      throw invalid(
        `Syntax error - can't find = in ${JSON.stringify(word.slice(0, 80))}. Must be of the form: name=value`,
      );
    if (at === 0) throw invalid(`${name} names can not be blank`);
    return [
      expandVariables(word.slice(0, at), process.env),
      expandVariables(word.slice(at + 1), process.env),
    ];
  });
}

function withVariables(
  env: readonly string[],
  given: readonly (readonly [string, string])[],
): readonly string[] {
  const all = new Map(env.map((entry): [string, string] => [entry.split("=", 1)[0]!, entry]));
  for (const [name, value] of given) all.set(name, `${name}=${value}`);
  return [...all.values()];
}

function portOf(text: string): string {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || last > 65_535 || first > last) {
    throw invalid(`Invalid containerPort: ${text.slice(0, 40)}`);
  }
  const range = match[2] === undefined ? `${first}` : `${first}-${last}`;
  return `${range}/${(match[3] ?? "tcp").toLowerCase()}`;
}

function triggerOf(text: string): string {
  const word = cut(text)[0].toUpperCase();
  if (word === "ONBUILD") throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (word === "MAINTAINER" || word === "FROM") {
    throw invalid(`${word} isn't allowed as an ONBUILD trigger`);
  }
  return text;
}

const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** Nanoseconds of Go's `1m30s`. */
function duration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join("") !== text) {
    throw invalid(`time: invalid duration ${JSON.stringify(text.slice(0, 40))}`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Math.round(Number(count) * units[unit!]!), 0);
}

function healthcheckOf(text: string): Healthcheck {
  const check = { interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
  let rest = text;
  for (let flag = /^--([a-z-]+)=(\S+)\s*/.exec(rest); flag !== null;) {
    const [whole, name, value] = flag as unknown as [string, string, string];
    if (name === "interval") check.interval = duration(value);
    else if (name === "timeout") check.timeout = duration(value);
    else if (name === "start-period") check.startPeriod = duration(value);
    else if (name === "start-interval") check.startInterval = duration(value);
    else if (name === "retries") check.retries = Number.parseInt(value, 10);
    else throw invalid(`Unknown flag: ${name}`);
    rest = rest.slice(whole.length);
    flag = /^--([a-z-]+)=(\S+)\s*/.exec(rest);
  }
  const [kind, command] = cut(rest);
  if (kind.toUpperCase() === "NONE") return { ...check, test: ["NONE"] };
  if (kind.toUpperCase() !== "CMD") {
    throw invalid(`Unknown type ${JSON.stringify(kind.slice(0, 40))} in HEALTHCHECK (try CMD)`);
  }
  if (command === "") throw invalid("Missing command after HEALTHCHECK CMD");
  const words = jsonWords(command);
  return { ...check, test: words === undefined ? ["CMD-SHELL", command] : ["CMD", ...words] };
}

/** Absolute, without `.`, `..` and doubled slashes. */
function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part !== "" && part !== ".") kept.push(part);
  }
  return `/${kept.join("/")}`;
}

function invalid(why: string): DuetError {
  return new DuetError("invalid", "CHANGE_INVALID", why);
}
