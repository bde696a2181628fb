import type { SourceFile } from "../source/files.ts";
import { tokenize, type Token } from "../source/tokens.ts";

/** One `new DuetError(...)` whose class and code stand there as text. */
export interface RaisedError {
  readonly errorClass: string;
  readonly code: string;
  /** What it says, with … for what depends on the case; "" where another value holds it. */
  readonly message: string;
  readonly path: string;
}

export function raisedErrors(file: SourceFile): RaisedError[] {
  const tokens = tokenize(file.text).filter((token) => token.kind !== "comment");
  return tokens.flatMap((token, index) => {
    const [, name, open, errorClass, comma, code, next] = tokens.slice(index, index + 7);
    if (token.text !== "new" || name?.text !== "DuetError" || open?.text !== "(") return [];
    if (errorClass?.kind !== "string" || comma?.text !== ",") return [];
    if (code?.kind !== "string" || next?.text !== ",") return [];
    const message = messageAt(tokens, index + 7);
    return [{ errorClass: errorClass.text, code: code.text, message, path: file.path }];
  });
}

/** The strings and templates of one argument, joined. */
function messageAt(tokens: readonly Token[], start: number): string {
  let text = "";
  for (let index = start; index < tokens.length;) {
    const token = tokens[index]!;
    if (token.kind === "string") {
      text += token.text.replaceAll(/\\(.)/g, "$1");
      index += 1;
    } else if (token.kind === "template") {
      const template = templateAt(tokens, index);
      text += template.text;
      index = template.end;
    } else if (token.text === "+") {
      index += 1;
    } else {
      return token.text === "," || token.text === ")" ? text : "";
    }
  }
  return text;
}

/** A template from its first stretch on; `end` is the place after it. */
function templateAt(
  tokens: readonly Token[],
  start: number,
): { readonly text: string; readonly end: number } {
  let text = tokens[start]!.text;
  let index = start + 1;
  while (opensHole(tokens[index])) {
    index += 1;
    while (!continues(tokens, index)) {
      index = tokens[index]?.kind === "template" ? templateAt(tokens, index).end : index + 1;
    }
    text += `…${tokens[index]?.text ?? ""}`;
    index += 1;
  }
  return { text: text.replaceAll(/\\(.)/g, "$1"), end: index };
}

/** What may follow a template's end cannot begin an expression. */
function opensHole(token: Token | undefined): boolean {
  return token !== undefined && !(token.kind === "mark" && ",)+;]}?:.".includes(token.text));
}

/** A stretch of text after an expression goes on with the template around it; after an operator it begins another. */
function continues(tokens: readonly Token[], index: number): boolean {
  if (index >= tokens.length) return true;
  if (tokens[index]!.kind !== "template") return false;
  const before = tokens[index - 1]!;
  return before.kind === "mark" ? ")]}".includes(before.text) : before.kind !== "template";
}
