import { templateError } from "./template-error.ts";
import { tokenize, type Token } from "./template-tokens.ts";

/** A value-giving part of a template. */
export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | {
      readonly kind: "path";
      readonly base: "dot" | "variable" | "pipeline";
      readonly variable: string;
      readonly pipeline: Pipeline | null;
      readonly fields: readonly string[];
    }
  | { readonly kind: "function"; readonly name: string };

/** A call: its first expression with arguments. */
export type Call = readonly Expression[];

export interface Pipeline {
  readonly calls: readonly Call[];
  /** Names that take the value: `$x :=` one, `$i, $x :=` two. */
  readonly variables: readonly string[];
}

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    };

const maximumTemplate = 64 << 10;

/** Parses the part of Go's text/template that Docker's `--format` is used with. Throws `invalid` with the place. */
export function parseTemplate(text: string): readonly Node[] {
  if (text.length > maximumTemplate) throw templateError("it is too long");
  const parser = new Parser(splitActions(text));
  const nodes = parser.list(0);
  parser.expectEnd();
  return nodes;
}

type Piece = { readonly text: string } | { readonly action: readonly Token[] };

/** Text and actions, with `{{-` and `-}}` applied and comments left out. */
function splitActions(text: string): Piece[] {
  const pieces: Piece[] = [];
  let trimNext = false;
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{{", at);
    let literal = open < 0 ? text.slice(at) : text.slice(at, open);
    if (trimNext) literal = literal.trimStart();
    const trimBefore = open >= 0 && /^\{\{-[ \t\r\n]/.test(text.slice(open, open + 4));
    if (trimBefore) literal = literal.trimEnd();
    if (literal !== "") pieces.push({ text: literal });
    if (open < 0) break;
    const close = endOfAction(text, open + 2);
    let inside = text.slice(open + (trimBefore ? 3 : 2), close);
    trimNext = /[ \t\r\n]-$/.test(inside);
    if (trimNext) inside = inside.slice(0, -1);
    const comment = /^\s*\/\*[^]*\*\/\s*$/.test(inside);
    if (!comment) pieces.push({ action: tokenize(inside) });
    at = close + 2;
  }
  return pieces;
}

/** The place of the `}}` that is in no string. */
function endOfAction(text: string, from: number): number {
  let quote = "";
  for (let at = from; at < text.length; at += 1) {
    const character = text[at]!;
    if (quote !== "") {
      if (character === "\\" && quote === '"') at += 1;
      else if (character === quote) quote = "";
    } else if (character === '"' || character === "`") quote = character;
    else if (text.startsWith("}}", at)) return at;
  }
  throw templateError("an action {{ is not closed");
}

const maximumDepth = 64;

class Parser {
  private readonly pieces: readonly Piece[];
  private at = 0;

  constructor(pieces: readonly Piece[]) {
    this.pieces = pieces;
  }

  /** Nodes up to `{{end}}`, `{{else}}` or the end of the text; these are left for the caller. */
  list(depth: number): Node[] {
    if (depth > maximumDepth) throw templateError("it is nested too deep");
    const nodes: Node[] = [];
    for (let piece = this.pieces[this.at]; piece !== undefined; piece = this.pieces[this.at]) {
      if ("text" in piece) nodes.push({ kind: "text", text: piece.text });
      else {
        const word = keywordOf(piece.action);
        if (word === "end" || word === "else") break;
        if (word === "if" || word === "with" || word === "range") {
          nodes.push(this.block(word, piece.action.slice(1), depth));
          continue;
        }
        nodes.push({ kind: "output", pipeline: parsePipeline(piece.action) });
      }
      this.at += 1;
    }
    return nodes;
  }

  expectEnd(): void {
    if (this.at < this.pieces.length) throw templateError("{{end}} or {{else}} without a block");
  }

  private block(kind: "if" | "with" | "range", condition: readonly Token[], depth: number): Node {
    this.at += 1;
    const pipeline = parsePipeline(condition);
    const body = this.list(depth + 1);
    const piece = this.pieces[this.at];
    if (piece === undefined || !("action" in piece))
      throw templateError(`{{${kind}}} without {{end}}`);
    if (keywordOf(piece.action) === "end") {
      this.at += 1;
      return { kind, pipeline, body, otherwise: [] };
    }
    const further = piece.action.slice(1);
    if (further.length > 0) {
      const word = keywordOf(further);
      if (word !== "if" && word !== "with") throw templateError("unexpected words after {{else}}");
      return { kind, pipeline, body, otherwise: [this.block(word, further.slice(1), depth + 1)] };
    }
    this.at += 1;
    const otherwise = this.list(depth + 1);
    const last = this.pieces[this.at];
    if (last === undefined || !("action" in last) || keywordOf(last.action) !== "end") {
      throw templateError(`{{${kind}}} without {{end}}`);
    }
    this.at += 1;
    return { kind, pipeline, body, otherwise };
  }
}

function keywordOf(tokens: readonly Token[]): string | undefined {
  const first = tokens[0];
  return first?.kind === "word" ? first.text : undefined;
}

function parsePipeline(tokens: readonly Token[]): Pipeline {
  const cursor = { tokens, at: 0 };
  const pipeline = readPipeline(cursor, 0);
  if (cursor.at < tokens.length) throw templateError(`unexpected "${tokens[cursor.at]!.text}"`);
  return pipeline;
}

interface Cursor {
  readonly tokens: readonly Token[];
  at: number;
}

function readPipeline(cursor: Cursor, depth: number): Pipeline {
  if (depth > maximumDepth) throw templateError("it is nested too deep");
  const variables = readVariables(cursor);
  const calls: Call[] = [];
  for (;;) {
    const call: Expression[] = [];
    for (
      let token = cursor.tokens[cursor.at];
      token !== undefined;
      token = cursor.tokens[cursor.at]
    ) {
      if (token.kind === "sign" && token.text !== "(") break;
      call.push(readExpression(cursor, depth));
    }
    if (call.length === 0) throw templateError("an action has no value");
    calls.push(call);
    if (cursor.tokens[cursor.at]?.text !== "|" || cursor.tokens[cursor.at]?.kind !== "sign") break;
    cursor.at += 1;
  }
  return { calls, variables };
}

function readVariables(cursor: Cursor): string[] {
  const assign = cursor.tokens.findIndex(
    (token, index) => index >= cursor.at && token.kind === "sign" && token.text === ":=",
  );
  if (assign < 0) return [];
  const names = cursor.tokens.slice(cursor.at, assign).filter((token) => token.kind !== "sign");
  if (names.length === 0 || names.length > 2 || names.some((token) => token.kind !== "variable")) {
    throw templateError("only variables such as $x can be set");
  }
  cursor.at = assign + 1;
  return names.map((token) => token.text);
}

function readExpression(cursor: Cursor, depth: number): Expression {
  const token = cursor.tokens[cursor.at]!;
  cursor.at += 1;
  switch (token.kind) {
    case "string":
      return { kind: "literal", value: token.text };
    case "number":
      return { kind: "literal", value: Number(token.text) };
    case "word":
      if (token.text === "true" || token.text === "false")
        return { kind: "literal", value: token.text === "true" };
      if (token.text === "nil") return { kind: "literal", value: null };
      return { kind: "function", name: token.text };
    case "field":
      return path(
        "dot",
        "",
        null,
        token.text === "." ? [] : [token.text.slice(1), ...readFields(cursor)],
      );
    case "variable":
      return path("variable", token.text, null, readFields(cursor));
    default: {
      const pipeline = readPipeline(cursor, depth + 1);
      if (cursor.tokens[cursor.at]?.text !== ")") throw templateError("a ( is not closed");
      cursor.at += 1;
      return path("pipeline", "", pipeline, readFields(cursor));
    }
  }
}

/** Fields glued to what stands before them: `$x.Name`, `.State.Status`, `(index .X 0).Name`. */
function readFields(cursor: Cursor): string[] {
  const fields: string[] = [];
  for (
    let token = cursor.tokens[cursor.at];
    token?.kind === "field" && token.glued;
    token = cursor.tokens[cursor.at]
  ) {
    fields.push(token.text.slice(1));
    cursor.at += 1;
  }
  return fields;
}

function path(
  base: "dot" | "variable" | "pipeline",
  variable: string,
  pipeline: Pipeline | null,
  fields: readonly string[],
): Expression {
  return { kind: "path", base, variable, pipeline, fields };
}
