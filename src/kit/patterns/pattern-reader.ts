import { CharacterSet, type CharacterTest } from "./character-set.ts";

/** A place that takes no character. */
export type Assertion = "start" | "end" | "line-start" | "line-end" | "boundary" | "no-boundary";

/** What a pattern says, as a tree. */
export type PatternNode =
  | { readonly kind: "test"; readonly test: CharacterTest }
  | { readonly kind: Assertion }
  | { readonly kind: "sequence" | "either"; readonly parts: readonly PatternNode[] }
  | ({ readonly kind: "repeat"; readonly part: PatternNode } & Times);

export interface Times {
  readonly least: number;
  /** null for any number. */
  readonly most: number | null;
}

/** Those that stand: `i` folds cases, `m` lets `^` and `$` mean lines, `s` lets `.` take the end of a line. */
interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
}

/** Go's own limit, also of repeats within repeats. */
const maximumTimes = 1_000;
const lastCode = 0x10ffff;

/** Thrown inside this file only. */
class Unreadable extends Error {}

/**
 * Reads a regular expression by the grammar of Go's regexp/syntax (RE2); null for what Go refuses. What only says which
 * of several matches is taken, and names of groups, are read and mean nothing.
 */
export function readPatternTree(source: string): PatternNode | null {
  try {
    return new PatternReader(source).read();
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

class PatternReader {
  private position = 0;
  private flags: Flags = { i: false, m: false, s: false };
  private readonly groups = new Set<string>();
  private readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  read(): PatternNode {
    const node = this.either();
    if (this.position < this.source.length) throw new Unreadable();
    return node;
  }

  /** Takes what the pattern, a sticky one, matches here; null where it does not. */
  private take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.source);
    this.position += match?.[0].length ?? 0;
    return match;
  }

  private isNext(text: string): boolean {
    return this.source.startsWith(text, this.position);
  }

  private takes(text: string): boolean {
    const isNext = this.isNext(text);
    if (isNext) this.position += text.length;
    return isNext;
  }

  private either(): PatternNode {
    const parts = [this.sequence()];
    while (this.takes("|")) parts.push(this.sequence());
    return parts.length === 1 ? parts[0]! : { kind: "either", parts };
  }

  private sequence(): PatternNode {
    const parts: PatternNode[] = [];
    let isRepeated = false;
    while (this.position < this.source.length && !this.isNext("|") && !this.isNext(")")) {
      const times = this.times();
      if (times === null) parts.push(...this.atom());
      else parts.push(repeated(isRepeated ? undefined : parts.pop(), times));
      isRepeated = times !== null;
    }
    return { kind: "sequence", parts };
  }

  /** How often what comes before is repeated; null where that is not said. */
  private times(): Times | null {
    const times = this.sign() ?? this.counted();
    if (times !== null) this.takes("?");
    return times;
  }

  private sign(): Times | null {
    const sign = this.take(/[*+?]/y)?.[0];
    if (sign === undefined) return null;
    return { least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : null };
  }

  /** `{2}`, `{2,}` or `{2,5}`; anything else is literal, as in Go. */
  private counted(): Times | null {
    const match = this.take(/\{(0|[1-9]\d*)(?:(,)(0|[1-9]\d*)?)?\}/y);
    if (match === null) return null;
    const least = Number(match[1]);
    const otherwise = match[2] === undefined ? least : null;
    const most = match[3] === undefined ? otherwise : Number(match[3]);
    if (Math.max(least, most ?? 0) > maximumTimes || (most ?? least) < least) {
      throw new Unreadable();
    }
    return { least, most };
  }

  private atom(): readonly PatternNode[] {
    if (this.takes("(")) return this.group();
    if (this.takes("[")) return [{ kind: "test", test: this.characterClass() }];
    if (this.takes("^")) return [{ kind: this.flags.m ? "line-start" : "start" }];
    if (this.takes("$")) return [{ kind: this.flags.m ? "line-end" : "end" }];
    if (this.takes(".")) return [this.flags.s ? anything : anyInLine];
    if (this.isNext("\\")) return this.escape();
    return [this.literal(this.character())];
  }

  /** The next character, whatever it is. */
  private character(): number {
    const code = this.source.codePointAt(this.position);
    if (code === undefined) throw new Unreadable();
    this.position += String.fromCodePoint(code).length;
    return code;
  }

  private literal(code: number): PatternNode {
    const set = new CharacterSet(this.flags.i);
    set.range(code, code);
    return { kind: "test", test: set.test(false) };
  }

  /** What follows `(`: flags that stand alone are no part, and hold to the end of the group that they are in. */
  private group(): readonly PatternNode[] {
    const before = this.flags;
    if (this.takes("?") && !this.name() && this.readFlags() === ")") return [];
    const node = this.either();
    if (!this.takes(")")) throw new Unreadable();
    this.flags = before;
    return [node];
  }

  private name(): boolean {
    const name = this.take(/P?<(\w+)>/y)?.[1];
    if (name === undefined) return false;
    if (this.groups.has(name)) throw new Unreadable();
    this.groups.add(name);
    return true;
  }

  /** Sets flags, as `i`, `i-s` or none; gives whether `:` or `)` follows. */
  private readFlags(): string {
    const [, on = "", off, end] = this.take(/([imsU]*)(?:-([imsU]+))?([:)])/y) ?? [];
    if (end === undefined) throw new Unreadable();
    const set = (flag: keyof Flags): boolean =>
      off?.includes(flag) !== true && (this.flags[flag] || on.includes(flag));
    this.flags = { i: set("i"), m: set("m"), s: set("s") };
    return end;
  }

  private escape(): readonly PatternNode[] {
    const assertion = this.take(/\\[AzbB]/y)?.[0];
    if (assertion !== undefined) return [{ kind: assertions[assertion]! }];
    const quoted = this.take(/\\Q(.*?)(?:\\E|$)/sy);
    if (quoted !== null) {
      return Array.from(quoted[1]!, (character) => this.literal(character.codePointAt(0)!));
    }
    const set = new CharacterSet(this.flags.i);
    if (this.classEscape(set)) return [{ kind: "test", test: set.test(false) }];
    return [this.literal(this.escapedCharacter())];
  }

  /** `\d`, `\pL` and their like; false where something else comes. */
  private classEscape(set: CharacterSet): boolean {
    const letter = this.take(/\\([dDsSwW])/y)?.[1];
    if (letter !== undefined) return set.perlClass(letter);
    const unicode = this.take(/\\([pP])(?:\{(\^?)([^}]*)\}|([^{]))/uy);
    if (unicode === null) return false;
    const [, kind, caret, name, one] = unicode;
    const isNegated = (kind === "P") !== (caret === "^");
    if (!set.unicodeClass(name ?? one!, isNegated)) throw new Unreadable();
    return true;
  }

  /** One character behind a backslash: by its number, by a letter that stands for it, or a sign as it is. */
  private escapedCharacter(): number {
    const octal = this.take(/\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/y)?.[1];
    if (octal !== undefined) return Number.parseInt(octal, 8);
    const [hex, two, more] = this.take(/\\x(?:([\da-fA-F]{2})|\{([\da-fA-F]+)\})/y) ?? [];
    if (hex !== undefined) return this.checked(Number.parseInt(two ?? more!, 16));
    const letter = this.take(/\\([afnrtv])/y)?.[1];
    if (letter !== undefined) return controls[letter]!;
    const sign = this.take(/\\([\x00-\x7f])/y)?.[1];
    if (sign === undefined || /[a-zA-Z0-9]/.test(sign)) throw new Unreadable();
    return sign.charCodeAt(0);
  }

  private checked(code: number): number {
    if (code > lastCode) throw new Unreadable();
    return code;
  }

  private characterClass(): CharacterTest {
    const negated = this.takes("^");
    const set = new CharacterSet(this.flags.i);
    let isFirst = true;
    while (isFirst || !this.isNext("]")) {
      this.classMember(set);
      isFirst = false;
    }
    this.position += 1;
    return set.test(negated);
  }

  private classMember(set: CharacterSet): void {
    const name = this.take(/\[:(.*?):\]/sy)?.[1];
    if (name !== undefined) {
      if (!set.namedClass(name)) throw new Unreadable();
      return;
    }
    if (this.classEscape(set)) return;
    const first = this.classCharacter();
    const isRange = this.take(/-(?!\]|$)/y) !== null;
    const last = isRange ? this.classCharacter() : first;
    if (last < first) throw new Unreadable();
    set.range(first, last);
  }

  private classCharacter(): number {
    return this.isNext("\\") ? this.escapedCharacter() : this.character();
  }
}

const anything: PatternNode = { kind: "test", test: () => true };
const anyInLine: PatternNode = { kind: "test", test: (code) => code !== 10 };
const assertions: Readonly<Record<string, Assertion>> = {
  "\\A": "start",
  "\\z": "end",
  "\\b": "boundary",
  "\\B": "no-boundary",
};
const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** Refuses what is not there to be repeated, a repeat of a repeat, and repeats that multiply beyond Go's limit. */
function repeated(part: PatternNode | undefined, times: Times): PatternNode {
  if (part === undefined) throw new Unreadable();
  const node = { kind: "repeat", part, ...times } as const;
  const isCounted = times.least >= 2 || (times.most ?? 0) >= 2;
  if (isCounted && !isWithin(node, maximumTimes)) throw new Unreadable();
  return node;
}

function isWithin(node: PatternNode, times: number): boolean {
  if (node.kind === "sequence" || node.kind === "either") {
    return node.parts.every((part) => isWithin(part, times));
  }
  if (node.kind !== "repeat") return true;
  const { least, most, part } = node;
  // Go counts what was written with braces only.
  const count = most === 1 || (most === null && least < 2) ? 1 : (most ?? least);
  return count === 0 || (count <= times && isWithin(part, Math.floor(times / count)));
}
