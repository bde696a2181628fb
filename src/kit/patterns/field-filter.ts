import { DuetError } from "../errors.ts";
import { linearPattern } from "./linear-pattern.ts";

/** The value of a field by its path; null where the object has none. */
export type FieldOf = (path: readonly string[]) => string | null;

/**
 * Filters as containerd's clients write them: selectors `field`, `field==value`,
 * `field!=value` and `field~=pattern`, all of which hold where a comma joins them. An object passes that one of
 * `texts` lets through, any where there is none. Throws `invalid` FILTER_INVALID in containerd's words.
 */
export function fieldFilter(texts: readonly string[]): (fieldOf: FieldOf) => boolean {
  const filters = texts.map((text) => (text === "" ? [] : new FilterReader(text).read()));
  return (fieldOf) =>
    filters.length === 0 ||
    filters.some((selectors) => selectors.every((selector) => selector(fieldOf)));
}

type Selector = (fieldOf: FieldOf) => boolean;

interface Token {
  readonly kind: "field" | "value" | "quoted" | "separator" | "operator" | "end" | "illegal";
  /** Where it begins. */
  readonly at: number;
  readonly text: string;
  /** Why it is illegal. */
  readonly fault?: string;
}

const operators: Readonly<Record<string, (wanted: string) => (value: string | null) => boolean>> = {
  "==": (wanted) => (value) => value === wanted,
  "!=": (wanted) => (value) => (value ?? "") !== wanted,
  "~=": (wanted) => {
    const isMatch = linearPattern(wanted);
    return (value) => isMatch(value ?? "");
  },
};

/** Characters that may be quoted by a backslash, with what they stand for. */
const escapes: Readonly<Record<string, string>> = {
  ...{ a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
  "\\": "\\",
};

/** Reads one text, with containerd's rules of what begins and ends a word. */
class FilterReader {
  private readonly input: string;
  private position = 0;
  /** What comes next is a value, which may have characters that a field may not. */
  private wantsValue = false;

  constructor(input: string) {
    this.input = input;
  }

  read(): readonly Selector[] {
    const selectors = [this.selector()];
    while (this.position < this.input.length) {
      if (this.next() !== ",") throw this.broken(this.position, `unexpected input: ${this.next()}`);
      this.scan();
      selectors.push(this.selector());
    }
    return selectors;
  }

  private selector(): Selector {
    const path = [this.field()];
    while (this.next() === ".") {
      this.scan();
      path.push(this.field());
    }
    if (this.next() === "," || this.next() === "") return (fieldOf) => fieldOf(path) !== null;
    const operator = this.operator();
    const test = operators[operator]!(this.value(operator === "~="));
    return (fieldOf) => test(fieldOf(path));
  }

  private field(): string {
    const token = this.scan();
    if (token.kind === "field") return token.text;
    if (token.kind === "quoted") return this.unquote(token, false);
    throw this.broken(token.at, token.fault ?? "expected field or quoted");
  }

  private operator(): string {
    const { kind, at, text, fault } = this.scan();
    if (kind !== "operator") {
      throw this.broken(at, fault ?? 'expected an operator ("=="|"!="|"~=")');
    }
    if (Object.hasOwn(operators, text)) return text;
    throw this.broken(at, `unsupported operator ${JSON.stringify(text)}`);
  }

  private value(isPattern: boolean): string {
    const token = this.scan();
    if (token.kind === "value" || token.kind === "field") return token.text;
    if (token.kind === "quoted") return this.unquote(token, isPattern);
    throw this.broken(token.at, token.fault ?? "expected value or quoted");
  }

  private next(): string {
    return this.input[this.position] ?? "";
  }

  private scan(): Token {
    this.take(/\s*/y);
    const at = this.position;
    const first = this.next();
    const token = (kind: Token["kind"], text: string): Token => ({ kind, at, text });
    if (first === "") return token("end", "");
    if ('"/|'.includes(first)) return this.quoted(first);
    if (",.".includes(first)) {
      this.wantsValue = false;
      return token("separator", this.take(/./y));
    }
    if ("=!~".includes(first)) {
      this.wantsValue = true;
      return token("operator", this.take(/[=!~]+/y));
    }
    if (this.wantsValue) {
      this.wantsValue = false;
      return token("value", this.take(/[^,\s\p{C}]+/uy));
    }
    const word = this.take(/[\w-]+/y);
    return word === "" ? token("illegal", "") : token("field", word);
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.position;
    const text = pattern.exec(this.input)?.[0] ?? "";
    this.position += text.length;
    return text;
  }

  private quoted(quote: string): Token {
    const at = this.position;
    const end = quote === "|" ? "\\|" : quote;
    const text = this.take(new RegExp(`${end}(?:[^\\\\\\n${end}]|\\\\[^\\n])*${end}`, "y"));
    if (text !== "") return { kind: "quoted", at, text };
    return { kind: "illegal", at, text, fault: "quoted literal not terminated" };
  }

  private unquote({ at, text }: Token, isPattern: boolean): string {
    const quote = text[0]!;
    if (quote !== '"' && !isPattern) throw this.broken(at, "invalid quote encountered");
    return text
      .slice(1, -1)
      .replace(/\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|(.))/gs, (_, byte, unit, plain: string) => {
        const code: unknown = byte ?? unit;
        if (typeof code === "string") return String.fromCharCode(Number.parseInt(code, 16));
        if (plain === quote) return quote;
        if (Object.hasOwn(escapes, plain)) return escapes[plain]!;
        throw this.broken(at, "illegal escape sequence");
      });
  }

  private broken(at: number, why: string): DuetError {
    const { input } = this;
    const place =
      at < input.length ? `${input.slice(0, at)} >|${input[at]}|< ${input.slice(at + 1)}` : input;
    return new DuetError("invalid", "FILTER_INVALID", `filters: parse error: [${place}]: ${why}`);
  }
}
