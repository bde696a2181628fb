import { DuetError } from "../kit/errors.ts";
import { configure, type ConfiguringInstruction } from "./build/configure.ts";
import { DockerfileError, InstructionFault } from "./build/dockerfile-error.ts";
import { instructionWord } from "./build/instruction-text.ts";
import { readLogicalLines, type LogicalLine } from "./build/logical-lines.ts";
import { readInstruction } from "./build/read-instruction.ts";
import { expand, variablesOf } from "./build/shell-words.ts";
import type { ImageProcess } from "./image.ts";

const longest = 64 << 10;

/**
 * What instructions of a Dockerfile make of an image's configuration, as `docker commit --change` and
 * `docker import --change` take them. Throws `invalid` CHANGE_INVALID in Docker's words.
 */
export function applyChanges(process: ImageProcess, changes: readonly string[]): ImageProcess {
  if (changes.length === 0) return process;
  const text = changes.join("\n");
  if (text.length > longest || text.includes("\0")) {
    throw invalid(`it is over ${longest} characters long, or holds a NUL`);
  }
  const instructions = inDockersWords(() => {
    const { lines, escape } = readLogicalLines(Buffer.from(text));
    return lines.map((line) => readChange(line, escape));
  });
  /* An ENTRYPOINT drops the command that was there before, but none that is given with it. */
  const hasCommand = instructions.some(({ kind }) => kind === "CMD");
  return instructions.reduce(
    (before, instruction) => inDockersWords(() => apply(before, instruction, hasCommand)),
    process,
  );
}

const allowed: ReadonlySet<string> = new Set([
  "CMD",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "HEALTHCHECK",
  "LABEL",
  "ONBUILD",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
]);

function readChange(line: LogicalLine, escape: string): ConfiguringInstruction {
  const { name } = instructionWord(line.text);
  if (!allowed.has(name.toUpperCase())) {
    throw invalid(`${name.slice(0, 40)} is not a valid change command`);
  }
  return readInstruction(line, escape) as ConfiguringInstruction;
}

function apply(
  process: ImageProcess,
  instruction: ConfiguringInstruction,
  hasCommand: boolean,
): ImageProcess {
  const variables = variablesOf(process.env);
  const words = {
    one: (word: string): string => expand(word, variables, { escape: "\\" }).text,
    many: (word: string): readonly string[] => expand(word, variables, { escape: "\\" }).words,
  };
  return configure(process, instruction, words, hasCommand).process;
}

function inDockersWords<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof InstructionFault || error instanceof DockerfileError) {
      throw invalid(error.message);
    }
    throw error;
  }
}

function invalid(why: string): DuetError {
  return new DuetError("invalid", "CHANGE_INVALID", why);
}
