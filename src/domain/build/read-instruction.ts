import { InstructionFault, LineFault, quoted } from "./dockerfile-error.ts";
import { readFlags, type FlagKinds } from "./flags.ts";
import { readHealthcheck } from "./healthcheck.ts";
import { heredocOf, type Heredoc } from "./heredoc.ts";
import type { CommandLine, FromInstruction, Instruction } from "./instruction.ts";
import {
  fields,
  instructionWord,
  readJsonWords,
  readPairs,
  splitWords,
  takeFlags,
} from "./instruction-text.ts";
import type { LogicalLine } from "./logical-lines.ts";
import { checkMount } from "./run-mount.ts";
import { didYouMean } from "./suggest.ts";

interface Line {
  readonly flags: readonly string[];
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
  readonly escape: string;
}

type Unplaced<Kind> = Kind extends Instruction
  ? Omit<Kind, "range" | "text" | "word" | "comments">
  : never;

type Reader = (line: Line) => Unplaced<Instruction>;

/** Reads one instruction. Throws InstructionFault with BuildKit's messages. */
export function readInstruction(line: LogicalLine, escape: string): Instruction {
  const { name: word, rest: written } = instructionWord(line.text);
  const kind = word.toUpperCase();
  const reader = Object.hasOwn(readers, kind) ? readers[kind] : undefined;
  if (reader === undefined) {
    const shown = word.slice(0, 200);
    const hint = didYouMean(word, Object.keys(readers), false);
    throw new InstructionFault(`unknown instruction: ${shown}${hint}`);
  }
  const { flags, rest } = takeFlags(written);
  const read = reader({ flags, rest, heredocs: line.heredocs, escape });
  const placed = { range: line.range, text: line.text.trim(), word, comments: line.comments };
  return { ...read, ...placed };
}

const readers: Readonly<Record<string, Reader>> = {
  ADD: (line) => copyOf("ADD", line),
  ARG: argumentsOf,
  CMD: (line) => ({ kind: "CMD", command: withoutFlags(line, commandLine(line.rest)) }),
  COPY: (line) => copyOf("COPY", line),
  ENTRYPOINT: (line) => ({
    kind: "ENTRYPOINT",
    command: withoutFlags(line, commandLine(line.rest)),
  }),
  ENV: (line) => ({
    kind: "ENV",
    pairs: withoutFlags(line, readPairs("ENV", line.rest, line.escape)),
  }),
  EXPOSE: (line) => ({
    kind: "EXPOSE",
    ports: withoutFlags(line, atLeastOne("EXPOSE", fields(line.rest)).toSorted(byBytes)),
  }),
  FROM: fromOf,
  HEALTHCHECK: (line) => ({ kind: "HEALTHCHECK", check: readHealthcheck(line.flags, line.rest) }),
  LABEL: (line) => ({
    kind: "LABEL",
    pairs: withoutFlags(line, readPairs("LABEL", line.rest, line.escape)),
  }),
  MAINTAINER: (line) => oneText("MAINTAINER", line),
  ONBUILD: triggerOf,
  RUN: runOf,
  SHELL: shellOf,
  STOPSIGNAL: (line) => oneText("STOPSIGNAL", line),
  USER: (line) => oneText("USER", line),
  VOLUME: volumeOf,
  WORKDIR: (line) => oneText("WORKDIR", line),
};

function byBytes(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function withoutFlags<Value>(line: Line, value: Value): Value {
  readFlags(line.flags, {});
  return value;
}

function atLeastOne(name: string, words: readonly string[]): readonly string[] {
  if (words.length === 0) throw new InstructionFault(`${name} requires at least one argument`);
  return words;
}

function oneText(
  kind: "WORKDIR" | "USER" | "STOPSIGNAL" | "MAINTAINER",
  line: Line,
): Unplaced<Instruction> {
  if (line.rest === "") throw new InstructionFault(`${kind} requires exactly one argument`);
  const value = withoutFlags(line, line.rest);
  return kind === "MAINTAINER" ? { kind, value } : { kind, value };
}

function commandLine(rest: string): CommandLine {
  const words = readJsonWords(rest);
  if (words !== undefined) return { words, isShell: false };
  return { words: rest === "" ? [] : [rest], isShell: true };
}

function argumentsOf(line: Line): Unplaced<Instruction> {
  const words = atLeastOne("ARG", splitWords(line.rest, line.escape));
  const parameters = words.map((word) => {
    const at = word.indexOf("=");
    if (at === 0) throw new InstructionFault("ARG names can not be blank");
    if (at < 0) return { name: word, value: null };
    return { name: word.slice(0, at), value: word.slice(at + 1) };
  });
  return { kind: "ARG", parameters };
}

const stageName = /^[a-z][a-z0-9-_.]*$/;

function fromOf(line: Line): Unplaced<FromInstruction> {
  const words = fields(line.rest);
  const [base = "", as = "", name = ""] = words;
  const isNamed = words.length === 3 && as.toLowerCase() === "as";
  if (!isNamed && words.length !== 1) {
    throw new InstructionFault("FROM requires either one or three arguments");
  }
  const stage = isNamed ? name.toLowerCase() : null;
  if (stage !== null && !stageName.test(stage)) {
    throw new InstructionFault(
      `invalid name for build stage: ${quoted(name)}, name can't start with a number or contain symbols`,
    );
  }
  const platform = readFlags(line.flags, { platform: "text" }).text("platform");
  const written = isNamed ? { as, stage: name } : null;
  return { kind: "FROM", base, stage, written, platform };
}

function runOf(line: Line): Unplaced<Instruction> {
  const flags = readFlags(line.flags, { mount: "list", network: "text", security: "text" });
  const mounts = flags.list("mount");
  for (const mount of mounts) checkMount(mount);
  const network = flags.text("network");
  if (!["", "default", "none", "host"].includes(network)) {
    throw new InstructionFault(`invalid network mode ${quoted(network)}`);
  }
  const security = flags.text("security");
  if (!["", "sandbox", "insecure"].includes(security)) {
    throw new InstructionFault(`security ${quoted(security)} is not valid`);
  }
  return {
    kind: "RUN",
    command: commandLine(line.rest),
    heredocs: line.heredocs,
    mounts,
    network: network === "" ? null : (network as "default" | "none" | "host"),
    security: security === "insecure" ? "insecure" : "sandbox",
  };
}

const copyFlags: FlagKinds = {
  chown: "text",
  chmod: "text",
  link: "switch",
  exclude: "list",
  parents: "switch",
};
const flagsOf: Readonly<Record<"ADD" | "COPY", FlagKinds>> = {
  ADD: {
    chown: "text",
    chmod: "text",
    link: "switch",
    exclude: "list",
    "keep-git-dir": "switch",
    checksum: "text",
    unpack: "switch",
  },
  COPY: { ...copyFlags, from: "text" },
};

function copyOf(kind: "ADD" | "COPY", line: Line): Unplaced<Instruction> {
  const words = readJsonWords(line.rest) ?? fields(line.rest);
  const destination = words.at(-1);
  if (destination === undefined || words.length < 2) {
    throw new InstructionFault(
      `${kind} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  }
  const flags = readFlags(line.flags, flagsOf[kind]);
  if (heredocOf(destination) !== undefined) {
    throw new InstructionFault(`${kind} cannot accept a heredoc as a destination`);
  }
  const byName = new Map(line.heredocs.map((heredoc) => [heredoc.name, heredoc]));
  const sources: string[] = [];
  const heredocs: Heredoc[] = [];
  for (const word of words.slice(0, -1)) {
    const named = heredocOf(word);
    const heredoc = named === undefined ? undefined : (byName.get(named.name) ?? named);
    if (heredoc === undefined) sources.push(word);
    else heredocs.push(heredoc);
  }
  return {
    kind,
    sources,
    heredocs,
    destination,
    from: flags.text("from"),
    chown: flags.text("chown"),
    chmod: flags.text("chmod"),
    link: flags.switched("link") ?? false,
    parents: flags.switched("parents") ?? false,
    exclude: flags.list("exclude"),
    checksum: flags.text("checksum"),
    keepGitFolder: flags.switched("keep-git-dir"),
    unpack: flags.switched("unpack"),
  };
}

function volumeOf(line: Line): Unplaced<Instruction> {
  const words = atLeastOne("VOLUME", readJsonWords(line.rest) ?? fields(line.rest));
  const paths = withoutFlags(
    line,
    words.map((word) => word.trim()),
  );
  if (paths.includes("")) {
    throw new InstructionFault("VOLUME specified can not be an empty string");
  }
  return { kind: "VOLUME", paths };
}

function shellOf(line: Line): Unplaced<Instruction> {
  const shell = withoutFlags(line, readJsonWords(line.rest));
  if (shell === undefined && line.rest !== "") {
    throw new InstructionFault("SHELL requires the arguments to be in JSON form");
  }
  return { kind: "SHELL", shell: atLeastOne("SHELL", shell ?? []) };
}

function triggerOf(line: Line): Unplaced<Instruction> {
  if (line.rest === "") throw new InstructionFault("ONBUILD requires at least one argument");
  readFlags(line.flags, {});
  const { name } = instructionWord(line.rest);
  const kind = name.toUpperCase();
  if (kind === "ONBUILD") {
    throw new InstructionFault("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (kind === "MAINTAINER" || kind === "FROM") {
    throw new InstructionFault(`${kind} isn't allowed as an ONBUILD trigger`);
  }
  checkTriggerLine(line);
  const contents = line.heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  return { kind: "ONBUILD", trigger: line.rest + contents.join("") };
}

/** Of a trigger BuildKit reads the line at once, the instruction only where it is triggered. */
function checkTriggerLine({ rest, heredocs, escape }: Line): void {
  const range = { first: 1, last: 1 };
  try {
    readInstruction({ text: rest, range, heredocs, comments: [] }, escape);
  } catch (error) {
    if (error instanceof LineFault || !(error instanceof InstructionFault)) throw error;
  }
}
