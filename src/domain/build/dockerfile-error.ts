import { DuetError, type DuetErrorOptions } from "../../kit/errors.ts";
import type { SourceRange } from "./source-range.ts";

/** What is wrong with a Dockerfile, in BuildKit's words, and on which lines of it. */
export class DockerfileError extends DuetError {
  readonly ranges: readonly SourceRange[];

  constructor(message: string, ranges: readonly SourceRange[], options: DuetErrorOptions = {}) {
    super("invalid", "DOCKERFILE_INVALID", message, options);
    this.ranges = ranges;
  }
}

/** One that BuildKit finds while it splits lines, before it reads instructions. */
export class LineError extends DockerfileError {}

/** A fault of an instruction's text, before it is known on which lines that stands. */
export class InstructionFault extends Error {}

/** One that becomes a LineError, which is told without the line's number. */
export class LineFault extends InstructionFault {}

/** Runs `read`, and gives its faults the lines where they are. */
export function located<Result>(
  ranges: readonly SourceRange[],
  read: () => Result,
  Kind = DockerfileError,
): Result {
  try {
    return read();
  } catch (error) {
    const isUnplaced = error instanceof DockerfileError && error.ranges.length === 0;
    if (isUnplaced || error instanceof InstructionFault) throw new Kind(error.message, ranges);
    throw error;
  }
}

/** Text in double quotes as Go's %q has it, cut where it is long. */
export function quoted(text: string): string {
  return goQuote(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}

const escapes: Readonly<Record<string, string>> = {
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** Go's strconv.Quote. */
export function goQuote(text: string): string {
  const inner = text.replaceAll(/[\\"]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const short = escapes[character];
    if (short !== undefined) return short;
    const code = character.codePointAt(0)!;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    if (code <= 0xff_ff) return `\\u${code.toString(16).padStart(4, "0")}`;
    return `\\U${code.toString(16).padStart(8, "0")}`;
  });
  return `"${inner}"`;
}
