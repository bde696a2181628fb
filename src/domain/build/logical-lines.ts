import { trimLeft } from "./blanks.ts";
import { LineError, located } from "./dockerfile-error.ts";
import { heredocsIn, type Heredoc } from "./heredoc.ts";
import type { SourceRange } from "./source-range.ts";

/** One instruction as it stands in the file, its continued lines joined. */
export interface LogicalLine {
  readonly text: string;
  readonly range: SourceRange;
  readonly heredocs: readonly Heredoc[];
  /** The comments right above it, without their `#`. */
  readonly comments: readonly string[];
}

export interface Directive {
  readonly value: string;
  readonly line: number;
}

export interface LogicalLines {
  readonly lines: readonly LogicalLine[];
  /** The parser directives `syntax`, `escape` and `check`, as far as given. */
  readonly directives: ReadonlyMap<string, Directive>;
  readonly escape: string;
  /** Last lines of instructions that have an empty line in their continuation. */
  readonly emptyContinuations: readonly number[];
}

const largestFile = 16 << 20;
/** Go's bufio.MaxScanTokenSize, by which BuildKit bounds a line. */
const longestLine = (64 << 10) - 1;
const mostInstructions = 5_000;

/** Reads a Dockerfile's lines. Throws LineError with BuildKit's messages. */
export function readLogicalLines(content: Buffer): LogicalLines {
  if (content.length > largestFile) {
    throw new LineError(`dockerfile is larger than ${largestFile} bytes`, []);
  }
  return new Reader(content).read();
}

const knownDirectives = new Set(["syntax", "escape", "check"]);

class Reader {
  readonly #content: Buffer;
  #offset = 0;
  #line = 0;
  #escape = "\\";
  #directivesAreOver = false;
  #comments: string[] = [];
  readonly #directives = new Map<string, Directive>();
  readonly #lines: LogicalLine[] = [];
  readonly #emptyContinuations: number[] = [];

  constructor(content: Buffer) {
    const hasMark = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf;
    this.#content = hasMark ? content.subarray(3) : content;
  }

  read(): LogicalLines {
    for (let raw = this.#next(); raw !== undefined; raw = this.#next()) {
      const line = trimLeft(withoutNewline(raw));
      if (line.startsWith("#")) this.#comment(line);
      else {
        this.#directivesAreOver = true;
        if (line !== "") this.#instruction(line);
      }
    }
    if (this.#lines.length === 0) {
      throw new LineError("file with no instructions", [at(this.#line)]);
    }
    return {
      lines: this.#lines,
      directives: this.#directives,
      escape: this.#escape,
      emptyContinuations: this.#emptyContinuations,
    };
  }

  /** The next line with its end; undefined after the last. */
  #next(): string | undefined {
    if (this.#offset >= this.#content.length) return undefined;
    const found = this.#content.indexOf(10, this.#offset);
    const end = found < 0 ? this.#content.length : found + 1;
    if (end - this.#offset > longestLine) {
      const why = `dockerfile line greater than max allowed size of ${longestLine}`;
      throw new LineError(why, [at(this.#line + 1)]);
    }
    const line = this.#content.toString("utf8", this.#offset, end);
    this.#offset = end;
    this.#line += 1;
    return line;
  }

  #comment(line: string): void {
    if (!this.#directivesAreOver && this.#directive(line)) return;
    const comment = line.slice(1).trim();
    if (comment === "") this.#comments = [];
    else if (this.#comments.length < 1000) this.#comments.push(comment);
  }

  #directive(line: string): boolean {
    /* The value ends at the last character that is no blank; a pattern for that would go back over blanks. */
    const match = /^#\s*([A-Za-z][A-Za-z\d]*)\s*=/.exec(line);
    const name = match?.[1]?.toLowerCase() ?? "";
    const value = match === null ? "" : line.slice(match[0].length).trim();
    if (value === "" || !knownDirectives.has(name)) {
      this.#directivesAreOver = true;
      return false;
    }
    if (this.#directives.has(name)) {
      throw new LineError(`only one ${name} parser directive can be used`, this.#lineBefore());
    }
    if (name === "escape") {
      if (value !== "\\" && value !== "`") {
        const why = `invalid escape token '${value.slice(0, 40)}' does not match \` or \\`;
        throw new LineError(why, this.#lineBefore());
      }
      this.#escape = value;
    }
    this.#directives.set(name, { value, line: this.#line });
    return true;
  }

  /** Where BuildKit says that a directive is wrong: it has not counted that line yet. */
  #lineBefore(): readonly SourceRange[] {
    return this.#line > 1 ? [at(this.#line - 1)] : [];
  }

  #instruction(start: string): void {
    const first = this.#line;
    if (this.#lines.length >= mostInstructions) {
      const why = `dockerfile has more than ${mostInstructions} instructions`;
      throw new LineError(why, [at(first)]);
    }
    const text = this.#continued(start);
    const lastOfText = this.#line;
    const range = { first, last: lastOfText };
    const names = located([range], () => heredocsIn(text), LineError);
    const heredocs = names.map((heredoc): Heredoc => ({
      ...heredoc,
      content: this.#untilTerminator(heredoc, first),
    }));
    this.#lines.push({
      text,
      range: { first, last: this.#line },
      heredocs,
      comments: this.#comments,
    });
    this.#comments = [];
  }

  #continued(start: string): string {
    const parts: string[] = [];
    let hasEmpty = false;
    let rest: string | null = this.#takeContinued(start, parts);
    while (rest !== null) {
      const raw = this.#next();
      if (raw === undefined) break;
      const line = withoutNewline(raw);
      const inner = trimLeft(line);
      if (inner.startsWith("#")) continue;
      if (inner === "") hasEmpty = true;
      else rest = this.#takeContinued(line, parts);
    }
    if (hasEmpty) this.#emptyContinuations.push(this.#line);
    return parts.join("");
  }

  /** Adds a line without the mark that it goes on; null where it does not. */
  #takeContinued(line: string, parts: string[]): string | null {
    let end = line.length;
    while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end -= 1;
    const goesOn = line[end - 1] === this.#escape && line[end - 2] !== this.#escape;
    parts.push(goesOn ? line.slice(0, end - 1) : line);
    return goesOn ? "" : null;
  }

  #untilTerminator(heredoc: Heredoc, first: number): string {
    const content: string[] = [];
    for (let raw = this.#next(); raw !== undefined; raw = this.#next()) {
      const line = withoutNewline(raw);
      if ((heredoc.chomp ? line.replace(/^\t+/, "") : line) === heredoc.name) {
        return content.join("");
      }
      content.push(raw);
    }
    throw new LineError("unterminated heredoc", [{ first, last: this.#line }]);
  }
}

function at(line: number): SourceRange {
  const number = Math.max(1, line);
  return { first: number, last: number };
}

function withoutNewline(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === "\n" || line[end - 1] === "\r")) end -= 1;
  return line.slice(0, end);
}
