import { templateError } from "./template-error.ts";

export interface Token {
  /** `field` is `.` or `.Name`; `variable` is `$` or `$name`; `sign` is one of ( ) | , := */
  readonly kind: "field" | "variable" | "word" | "string" | "number" | "sign";
  readonly text: string;
  /** No space before it. */
  readonly glued: boolean;
}

const patterns: readonly (readonly [Token["kind"], RegExp])[] = [
  ["field", /\.[\p{L}_][\p{L}\p{N}_]*|\.(?![\d])/uy],
  ["variable", /\$[\p{L}\p{N}_]*/uy],
  ["number", /[+-]?\d{1,15}(?:\.\d{1,15})?/y],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["sign", /:=|[()|,]/y],
];

/** The words of one `{{…}}` action. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let glued = false;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at += 1;
      glued = false;
      continue;
    }
    const quoted = readString(text, at);
    if (quoted !== null) {
      tokens.push({ kind: "string", text: quoted.value, glued });
      at = quoted.end;
    } else {
      const token = readToken(text, at, glued);
      tokens.push(token);
      at += token.text.length;
    }
    glued = true;
  }
  return tokens;
}

function readToken(text: string, at: number, glued: boolean): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) return { kind, text: match[0], glued };
  }
  throw templateError(`unexpected "${text[at]}" in {{${text}}}`);
}

function readString(
  text: string,
  at: number,
): { readonly value: string; readonly end: number } | null {
  const quote = text[at];
  if (quote === "`") {
    const end = text.indexOf("`", at + 1);
    if (end < 0) throw templateError("a string is not closed");
    return { value: text.slice(at + 1, end), end: end + 1 };
  }
  if (quote !== '"') return null;
  const pattern = /"((?:[^"\\\n]|\\.)*)"/y;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (match === null) throw templateError("a string is not closed");
  return { value: unescape(match[1]!), end: at + match[0].length };
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  '"': '"',
};

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (whole, letter: string) => escapes[letter] ?? whole);
}
