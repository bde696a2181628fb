import { DuetError } from "../errors.ts";

/**
 * Regular expressions from clients (name filters, labels of logs), run in time linear in the text as Go's RE2 is:
 * a Thompson automaton, simulated state by state. It knows literals, `.`, classes, `\d \w \s`,
 * groups, `|`, `* + ?`, `{2,5}`, `^` and `$`.
 */
type Test = (code: number) => boolean;

type Step =
  | { readonly kind: "test"; readonly test: Test }
  | { readonly kind: "split"; readonly first: number; readonly second: number }
  | { readonly kind: "jump"; readonly to: number }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "match" };

type Node =
  | { readonly kind: "test"; readonly test: Test }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "empty" }
  | { readonly kind: "sequence" | "either"; readonly parts: readonly Node[] }
  | ({ readonly kind: "repeat"; readonly part: Node } & Times);

interface Times {
  readonly least: number;
  /** null for any number. */
  readonly most: number | null;
}

const maximumLength = 512;
const maximumNesting = 32;
/** Go's own limit. */
const maximumTimes = 1_000;
const maximumSteps = 2_000;

/** Whether the pattern is found in a text; a filter's that cannot be read matches nothing, as in Docker. */
export function linearPattern(source: string): (text: string) => boolean {
  if (source.length > maximumLength) {
    const why = `a filter's pattern is over ${maximumLength} characters long`;
    throw new DuetError("invalid", "REQUEST_INVALID", why);
  }
  return readPattern(source) ?? (() => false);
}

/** The same; null for a pattern that cannot be read, or is over 512 characters long. */
export function readPattern(source: string): ((text: string) => boolean) | null {
  const node = source.length > maximumLength ? null : new PatternReader(source).read();
  if (node === null) return null;
  const program: Step[] = [];
  emit(node, program);
  if (program.length > maximumSteps) return null;
  program.push({ kind: "match" });
  return (text) => simulate(program, text);
}

class PatternReader {
  private position = 0;
  private nesting = 0;
  private failed = false;
  private readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  /** null where the grammar is broken or not known. */
  read(): Node | null {
    const node = this.either();
    return this.failed || this.position < this.source.length ? null : node;
  }

  private either(): Node {
    const parts = [this.sequence()];
    while (this.source[this.position] === "|") {
      this.position += 1;
      parts.push(this.sequence());
    }
    return parts.length === 1 ? parts[0]! : { kind: "either", parts };
  }

  private sequence(): Node {
    const parts: Node[] = [];
    for (;;) {
      const next = this.source[this.position];
      if (next === undefined || next === "|" || next === ")" || this.failed) break;
      parts.push(this.repeated(this.atom()));
    }
    return { kind: "sequence", parts };
  }

  private repeated(part: Node): Node {
    const times = this.times();
    if (times === null) return part;
    if (this.source[this.position] === "?") this.position += 1;
    // Go refuses a repeat of a repeat without a group.
    if (this.times() !== null) return this.fail();
    return { kind: "repeat", part, ...times };
  }

  /** How often what comes before it is repeated; null where that is not said. */
  private times(): Times | null {
    const sign = this.source[this.position];
    if (sign === "{") return this.counted();
    if (sign !== "*" && sign !== "+" && sign !== "?") return null;
    this.position += 1;
    return { least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : null };
  }

  /** `{2}`, `{2,}` or `{2,5}`; anything else is literal, as in Go. */
  private counted(): Times | null {
    const match = /^\{(\d{1,9})(?:(,)(\d{1,9})?)?\}/.exec(this.source.slice(this.position));
    if (match === null) return null;
    this.position += match[0].length;
    const least = Number(match[1]);
    const most =
      match[3] === undefined ? (match[2] === undefined ? least : null) : Number(match[3]);
    if (Math.max(least, most ?? 0) > maximumTimes || (most ?? least) < least) this.failed = true;
    return { least, most };
  }

  private atom(): Node {
    if (this.times() !== null) return this.fail();
    const character = this.source[this.position]!;
    this.position += 1;
    if (character === "^") return { kind: "start" };
    if (character === "$") return { kind: "end" };
    if (character === ".") return { kind: "test", test: () => true };
    if (character === "(") return this.group();
    if (character === "[") return { kind: "test", test: this.characterClass() };
    if (character === "\\") return { kind: "test", test: this.escape() };
    const code = character.charCodeAt(0);
    return { kind: "test", test: (other) => other === code };
  }

  private fail(): Node {
    this.failed = true;
    return { kind: "empty" };
  }

  private group(): Node {
    this.nesting += 1;
    if (this.nesting > maximumNesting) return this.fail();
    if (this.source.startsWith("?:", this.position)) this.position += 2;
    const node = this.either();
    if (this.source[this.position] !== ")") return this.fail();
    this.position += 1;
    this.nesting -= 1;
    return node;
  }

  private escape(): Test {
    const character = this.source[this.position];
    this.position += 1;
    if (character === undefined) this.failed = true;
    const known = classes.get(character ?? "");
    if (known !== undefined) return known;
    if (character !== undefined && /[a-zA-Z0-9]/.test(character)) this.failed = true;
    const code = (character ?? "").charCodeAt(0);
    return (other) => other === code;
  }

  private characterClass(): Test {
    const negated = this.source[this.position] === "^";
    if (negated) this.position += 1;
    const tests: Test[] = [];
    while (this.source[this.position] !== "]" || tests.length === 0) {
      if (this.position >= this.source.length) {
        this.failed = true;
        break;
      }
      tests.push(this.classMember());
    }
    this.position += 1;
    return (code) => tests.some((test) => test(code)) !== negated;
  }

  private classMember(): Test {
    const first = this.source[this.position]!;
    this.position += 1;
    if (first === "\\") return this.escape();
    if (first === "[" && this.source[this.position] === ":") return this.namedClass();
    const low = first.charCodeAt(0);
    const last = this.source[this.position + 1];
    if (this.source[this.position] !== "-" || last === undefined || last === "]") {
      return (code) => code === low;
    }
    this.position += 2;
    const high = last.charCodeAt(0);
    return (code) => code >= low && code <= high;
  }

  /** `[:alpha:]` in a class. */
  private namedClass(): Test {
    const [whole = "", name = ""] = /^:(\w+):\]/.exec(this.source.slice(this.position)) ?? [];
    const known = namedClasses.get(name);
    if (known === undefined) this.failed = true;
    this.position += whole.length;
    return known ?? (() => false);
  }
}

const isDigit: Test = (code) => code >= 48 && code <= 57;
const isWord: Test = (code) =>
  isDigit(code) || code === 95 || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
const isSpace: Test = (code) => code === 32 || (code >= 9 && code <= 13);
const classes: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["d", isDigit],
  ["D", (code) => !isDigit(code)],
  ["w", isWord],
  ["W", (code) => !isWord(code)],
  ["s", isSpace],
  ["S", (code) => !isSpace(code)],
]);

const isUpper: Test = (code) => code >= 65 && code <= 90;
const isLower: Test = (code) => code >= 97 && code <= 122;
const isAlpha: Test = (code) => isUpper(code) || isLower(code);
const isPunctuation: Test = (code) => code > 32 && code < 127 && !isAlpha(code) && !isDigit(code);
const namedClasses: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["alpha", isAlpha],
  ["digit", isDigit],
  ["alnum", (code) => isAlpha(code) || isDigit(code)],
  ["lower", isLower],
  ["upper", isUpper],
  ["word", isWord],
  ["space", isSpace],
  ["punct", isPunctuation],
  ["xdigit", (code) => isDigit(code) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102)],
]);

/** Stops where the program is too long: a few characters may say that something comes a million times. */
function emit(node: Node, program: Step[]): void {
  if (program.length > maximumSteps) return;
  if (node.kind === "sequence") for (const part of node.parts) emit(part, program);
  else if (node.kind === "either") emitEither(node.parts, program);
  else if (node.kind === "repeat") emitRepeat(node, program);
  else if (node.kind === "test") program.push(node);
  else if (node.kind !== "empty") program.push({ kind: node.kind });
}

function emitEither(parts: readonly Node[], program: Step[]): void {
  const ends: number[] = [];
  for (const [index, part] of parts.entries()) {
    const split = program.length;
    const isLast = index === parts.length - 1;
    if (!isLast) program.push({ kind: "jump", to: 0 });
    emit(part, program);
    if (isLast) continue;
    ends.push(program.length);
    program.push({ kind: "jump", to: 0 });
    program[split] = { kind: "split", first: split + 1, second: program.length };
  }
  for (const end of ends) program[end] = { kind: "jump", to: program.length };
}

function emitRepeat(
  { part, least, most }: Extract<Node, { kind: "repeat" }>,
  program: Step[],
): void {
  let start = program.length;
  for (let time = 0; time < least; time += 1) {
    start = program.length;
    emit(part, program);
  }
  if (most === null && least > 0) {
    program.push({ kind: "split", first: start, second: program.length + 1 });
    return;
  }
  const splits: number[] = [];
  for (let time = least; time < (most ?? 1); time += 1) {
    splits.push(program.push({ kind: "jump", to: 0 }) - 1);
    emit(part, program);
  }
  if (most === null) program.push({ kind: "jump", to: start });
  for (const split of splits) {
    program[split] = { kind: "split", first: split + 1, second: program.length };
  }
}

function simulate(program: readonly Step[], text: string): boolean {
  let active = new Set<number>();
  for (let index = 0; index <= text.length; index += 1) {
    if (follow(program, active, 0, index, text.length)) return true;
    if (index === text.length) break;
    const code = text.charCodeAt(index);
    const next = new Set<number>();
    for (const position of active) {
      const step = program[position]!;
      if (step.kind !== "test" || !step.test(code)) continue;
      if (follow(program, next, position + 1, index + 1, text.length)) return true;
    }
    active = next;
  }
  return false;
}

/** Adds a position and all that it reaches without a character; true when the match is among them. */
function follow(
  program: readonly Step[],
  active: Set<number>,
  from: number,
  index: number,
  length: number,
): boolean {
  const waiting = [from];
  for (let position = waiting.pop(); position !== undefined; position = waiting.pop()) {
    if (active.has(position)) continue;
    active.add(position);
    const step = program[position]!;
    if (step.kind === "match") return true;
    if (step.kind === "jump") waiting.push(step.to);
    else if (step.kind === "split") waiting.push(step.second, step.first);
    else if (step.kind === "start" && index === 0) waiting.push(position + 1);
    else if (step.kind === "end" && index === length) waiting.push(position + 1);
  }
  return false;
}
