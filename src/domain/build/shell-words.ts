import { InstructionFault, quoted } from "./dockerfile-error.ts";
import { withoutPrefix, withoutSuffix, withReplaced } from "./shell-pattern.ts";

/** How BuildKit's shell lexer (frontend/dockerfile/shell) reads a word. */
export interface ShellOptions {
  /** What takes the next character's meaning away: `\`, or a backtick with the directive `escape`. */
  readonly escape: string;
  /** Leave quotes where they are. */
  readonly rawQuotes?: boolean;
  /** Leave escapes where they are. */
  readonly rawEscapes?: boolean;
  /** Quotes mean nothing (here-documents). */
  readonly skipQuotes?: boolean;
  /** Leave variables that are not set as they are written. */
  readonly skipUnset?: boolean;
}

export interface Expanded {
  readonly text: string;
  /** Split at blanks that are neither quoted nor escaped, after variables were replaced. */
  readonly words: readonly string[];
  readonly matched: ReadonlySet<string>;
  readonly unmatched: ReadonlySet<string>;
}

export type Variables = ReadonlyMap<string, string>;

/** How many characters a build may still make by replacing variables; so that `$a$a` of `$b$b` ... ends. */
export class ExpansionBudget {
  #left: number;

  constructor(characters: number = 64 << 20) {
    this.#left = characters;
  }

  spend(characters: number): void {
    this.#left -= characters;
    if (this.#left < 0) throw new InstructionFault("variables expand to too much text");
  }
}

const longestWord = 1 << 20;
const deepestNesting = 50;

/** Replaces variables in `source`. Throws InstructionFault with BuildKit's message. */
export function expand(
  source: string,
  variables: Variables,
  options: ShellOptions,
  budget: ExpansionBudget = new ExpansionBudget(),
): Expanded {
  const lexer = new Lexer(source, variables, options, budget);
  try {
    const { text, words } = lexer.until(null, options.rawEscapes ?? false);
    return { text, words, matched: lexer.matched, unmatched: lexer.unmatched };
  } catch (error) {
    if (!(error instanceof InstructionFault)) throw error;
    throw new InstructionFault(`failed to process ${quoted(source)}: ${error.message}`);
  }
}

/** Variables as a map; a name without `=` has the value "". */
export function variablesOf(env: readonly string[]): Map<string, string> {
  return new Map(
    env.map((entry) => {
      const at = entry.indexOf("=");
      return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

const isBlank = /^\s$/u;
const nameStart = /[\p{L}_][\p{L}\p{Nd}_]*|\p{Nd}+|[@*#?\-$!]/uy;

class Words {
  readonly #words: string[] = [];
  #word: string[] = [];

  /** Text whose blanks part words. */
  addSplit(text: string): void {
    for (const character of text) {
      if (isBlank.test(character)) this.#end();
      else this.#word.push(character);
    }
  }

  addWhole(text: string): void {
    if (text !== "") this.#word.push(text);
  }

  all(): readonly string[] {
    this.#end();
    return this.#words;
  }

  #end(): void {
    if (this.#word.length > 0) this.#words.push(this.#word.join(""));
    this.#word = [];
  }
}

class Lexer {
  readonly #source: string;
  readonly #variables: Variables;
  readonly #options: ShellOptions;
  readonly #budget: ExpansionBudget;
  #at = 0;
  #depth = 0;
  #length = 0;
  #rawEscapes = false;
  readonly matched = new Set<string>();
  readonly unmatched = new Set<string>();

  constructor(
    source: string,
    variables: Variables,
    options: ShellOptions,
    budget: ExpansionBudget,
  ) {
    this.#source = source;
    this.#variables = variables;
    this.#options = options;
    this.#budget = budget;
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }

  /** Reads to `stop`, which is taken but not given, or where that is null to the end. */
  until(
    stop: string | null,
    rawEscapes: boolean,
  ): { readonly text: string; readonly words: readonly string[] } {
    const before = this.#rawEscapes;
    this.#rawEscapes = rawEscapes;
    this.#depth += 1;
    if (this.#depth > deepestNesting) throw new InstructionFault("syntax error: nested too deeply");
    const parts: string[] = [];
    const words = new Words();
    for (;;) {
      const character = this.#peek();
      if (character === undefined || character === stop) break;
      this.#piece(character, parts, words);
    }
    if (stop !== null && this.#peek() === undefined) {
      throw new InstructionFault(`unexpected end of statement while looking for matching ${stop}`);
    }
    if (stop !== null) this.#at += 1;
    this.#depth -= 1;
    this.#rawEscapes = before;
    return { text: parts.join(""), words: words.all() };
  }

  #piece(character: string, parts: string[], words: Words): void {
    const quotes = this.#options.skipQuotes !== true;
    if (character === "$") {
      const value = this.#dollar();
      parts.push(value);
      words.addSplit(value);
    } else if (quotes && (character === "'" || character === '"')) {
      const value = character === "'" ? this.#singleQuoted() : this.#doubleQuoted();
      parts.push(value);
      words.addWhole(value);
    } else if (character === "<" && this.#source[this.#at + 1] === "<") {
      const [opening] = /^<<\s*/u.exec(this.#source.slice(this.#at, this.#at + 200))!;
      this.#at += opening.length;
      parts.push(opening);
      words.addWhole(opening);
    } else if (character === this.#options.escape) {
      this.#at += 1;
      const next = this.#peek();
      const kept = (this.#rawEscapes ? character : "") + (next ?? "");
      if (next !== undefined) this.#at += 1;
      parts.push(kept);
      words.addWhole(kept);
    } else {
      this.#at += 1;
      parts.push(character);
      words.addSplit(character);
    }
  }

  #singleQuoted(): string {
    const end = this.#source.indexOf("'", this.#at + 1);
    if (end < 0) {
      throw new InstructionFault(
        "unexpected end of statement while looking for matching single-quote",
      );
    }
    const inner = this.#source.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#options.rawQuotes === true ? `'${inner}'` : inner;
  }

  #doubleQuoted(): string {
    const quote = this.#options.rawQuotes === true ? '"' : "";
    const parts: string[] = [quote];
    this.#at += 1;
    for (;;) {
      const character = this.#peek();
      if (character === undefined) {
        throw new InstructionFault(
          "unexpected end of statement while looking for matching double-quote",
        );
      }
      if (character === "$") {
        parts.push(this.#dollar());
        continue;
      }
      this.#at += 1;
      if (character === '"') return parts.join("") + quote;
      if (character !== this.#options.escape) {
        parts.push(character);
        continue;
      }
      if (this.#rawEscapes) parts.push(character);
      const next = this.#peek();
      if (next === undefined) continue;
      const isSpecial = next === '"' || next === "$" || next === this.#options.escape;
      parts.push(isSpecial ? next : character);
      if (isSpecial) this.#at += 1;
    }
  }

  #name(): string {
    nameStart.lastIndex = this.#at;
    const name = nameStart.exec(this.#source)?.[0] ?? "";
    this.#at += name.length;
    return name;
  }

  #valueOf(name: string): string | undefined {
    const value = this.#variables.get(name);
    (value === undefined ? this.unmatched : this.matched).add(name);
    if (value === undefined) return undefined;
    this.#budget.spend(value.length);
    this.#length += value.length;
    if (this.#length > longestWord) {
      throw new InstructionFault("variables expand to too much text");
    }
    return value;
  }

  #dollar(): string {
    this.#at += 1;
    if (this.#peek() === "{") {
      this.#at += 1;
      return this.#braced();
    }
    const name = this.#name();
    if (name === "") return "$";
    return this.#valueOf(name) ?? (this.#options.skipUnset === true ? `$${name}` : "");
  }

  /** What is between the braces of `${...}`, the opening one taken. */
  #braced(): string {
    const first = this.#peek();
    if (first === undefined) throw missingBrace();
    if (first === "{" || first === "}" || first === ":") {
      throw new InstructionFault("syntax error: bad substitution");
    }
    const name = this.#name();
    /* Go tells the end of the text by the character -1, which prints as this one. */
    let operator = this.#peek() ?? "\ufffd";
    this.#at += 1;
    if (operator === "}") {
      return this.#valueOf(name) ?? (this.#options.skipUnset === true ? `\${${name}}` : "");
    }
    const nullIsUnset = operator === ":";
    if (nullIsUnset) {
      operator += this.#peek() ?? "";
      this.#at += 1;
    } else if (operator === "/") return this.#replaced(name);
    if (!/^(?::?[-+?#%])$/.test(operator) && !nullIsUnset) throw unsupported(operator);
    const kind = operator.at(-1)!;
    const word = this.#word("}", kind === "#" || kind === "%", missingBrace);
    const value = this.#valueOf(name);
    if (value === undefined && this.#options.skipUnset === true) {
      return `\${${name}${operator}${word}}`;
    }
    return this.#modified({ name, kind, operator, word, nullIsUnset }, value);
  }

  #modified(
    given: {
      readonly name: string;
      readonly kind: string;
      readonly operator: string;
      readonly word: string;
      readonly nullIsUnset: boolean;
    },
    value: string | undefined,
  ): string {
    const { name, kind, operator, word, nullIsUnset } = given;
    const isMissing = value === undefined || (nullIsUnset && value === "");
    if (kind === "-") return isMissing ? word : value;
    if (kind === "+") return isMissing ? "" : word;
    if (kind === "?") {
      if (!isMissing) return value;
      const why = value === undefined ? "unset" : "empty";
      throw new InstructionFault(`${name}: ${word === "" ? `is not allowed to be ${why}` : word}`);
    }
    if (kind !== "#" && kind !== "%") throw unsupported(operator);
    const isLongest = word.startsWith(kind);
    const pattern = isLongest ? word.slice(1) : word;
    const text = value ?? "";
    this.#budget.spend((text.length * (pattern.length + 1)) / 16);
    return kind === "#"
      ? withoutPrefix(text, pattern, isLongest)
      : withoutSuffix(text, pattern, isLongest);
  }

  /** `${name/pattern/with}`, the first slash taken. */
  #replaced(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at += 1;
    const missing = (): InstructionFault =>
      new InstructionFault("syntax error: missing '/' in ${}");
    const pattern = this.#word("/", true, missing);
    const by = this.#word("}", true, missingBrace);
    const value = this.#valueOf(name);
    if (value === undefined && this.#options.skipUnset === true) {
      return `\${${name}/${pattern}/${by}}`;
    }
    const text = value ?? "";
    this.#budget.spend((text.length * (pattern.length + 1)) / 16 + text.length * by.length);
    return withReplaced(text, pattern, by, all);
  }

  #word(stop: string, rawEscapes: boolean, missing: () => InstructionFault): string {
    try {
      return this.until(stop, rawEscapes).text;
    } catch (error) {
      if (error instanceof InstructionFault && this.#peek() === undefined) throw missing();
      throw error;
    }
  }
}

function missingBrace(): InstructionFault {
  return new InstructionFault("syntax error: missing '}'");
}

function unsupported(operator: string): InstructionFault {
  return new InstructionFault(`unsupported modifier (${operator}) in substitution`);
}
