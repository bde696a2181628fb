export type TokenKind = "word" | "string" | "template" | "number" | "regex" | "comment" | "mark";

export interface Token {
  readonly kind: TokenKind;
  /** Source text; for a string what stands between its quotes, escapes untouched. */
  readonly text: string;
  /** 1-based. */
  readonly line: number;
}

/** After these words a slash starts a regular expression, not a division. */
const wordsBeforeRegex = new Set(
  "return typeof case in of delete void throw new else do instanceof yield await extends".split(
    " ",
  ),
);
const wordPattern = /[\p{L}\p{N}_$#]+/uy;
const stringPattern = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const commentPattern = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const regexPattern = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const spacePattern = /\s+/y;
const templateChunk = /(?:[^`\\$]|\\[^]|\$(?!\{))*/y;

/**
 * Splits TypeScript or JavaScript into tokens. It knows strings, nested templates, comments and
 * regular expressions, so that nothing inside those is taken for code. JSX is not supported.
 */
export function tokenize(source: string): Token[] {
  return new Tokenizer(source).all();
}

class Tokenizer {
  private position = 0;
  private line = 1;
  private readonly tokens: Token[] = [];
  private readonly source: string;
  /** Brace depth at which each open template's `${` ends. */
  private readonly templates: number[] = [];
  private depth = 0;

  constructor(source: string) {
    this.source = source;
  }

  all(): Token[] {
    this.match(/#!.*/y);
    while (this.position < this.source.length) this.next();
    return this.tokens;
  }

  private next(): void {
    if (this.match(spacePattern) !== undefined) return;
    if (this.take("comment", commentPattern) || this.takeString()) return;
    if (this.source[this.position] === "`") return this.template(1);
    if (this.slashStartsRegex() && this.take("regex", regexPattern)) return;
    if (this.takeWord()) return;
    this.mark();
  }

  private mark(): void {
    const mark = this.source[this.position]!;
    if (mark === "}" && this.templates.at(-1) === this.depth) {
      this.templates.pop();
      this.depth -= 1;
      this.template(1);
      return;
    }
    if (mark === "{") this.depth += 1;
    if (mark === "}") this.depth -= 1;
    this.push("mark", mark);
    this.position += 1;
  }

  /** One stretch of a template's text, from its opening backtick or from the brace that ends a hole. */
  private template(opening: number): void {
    this.position += opening;
    const line = this.line;
    const text = this.match(templateChunk) ?? "";
    this.tokens.push({ kind: "template", text, line });
    if (this.source.startsWith("${", this.position)) {
      this.position += 2;
      this.depth += 1;
      this.templates.push(this.depth);
      return;
    }
    this.position += 1;
  }

  private takeString(): boolean {
    const line = this.line;
    const text = this.match(stringPattern);
    if (text === undefined) return false;
    this.tokens.push({ kind: "string", text: text.slice(1, -1), line });
    return true;
  }

  private takeWord(): boolean {
    const line = this.line;
    const text = this.match(wordPattern);
    if (text === undefined) return false;
    this.tokens.push({ kind: /^\d/.test(text) ? "number" : "word", text, line });
    return true;
  }

  private slashStartsRegex(): boolean {
    if (this.source[this.position] !== "/") return false;
    const before = this.tokens.findLast((token) => token.kind !== "comment");
    if (before === undefined) return true;
    if (before.kind === "word") return wordsBeforeRegex.has(before.text);
    return before.kind === "mark" && !")]}".includes(before.text);
  }

  private take(kind: TokenKind, pattern: RegExp): boolean {
    const line = this.line;
    const text = this.match(pattern);
    if (text === undefined) return false;
    this.tokens.push({ kind, text, line });
    return true;
  }

  private push(kind: TokenKind, text: string): void {
    this.tokens.push({ kind, text, line: this.line });
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const text = pattern.exec(this.source)?.[0];
    if (text === undefined || text === "") return undefined;
    this.position += text.length;
    for (const character of text) if (character === "\n") this.line += 1;
    return text;
  }
}
