import { tokenize, type Token } from "../source/tokens.ts";

export interface FoundImport {
  /** Undefined where the module's name is computed. */
  readonly specifier: string | undefined;
  readonly line: number;
  /** `types` are gone at run time, `lazy` is an `import()`, `now` is loaded before the file itself. */
  readonly when: "types" | "lazy" | "now";
}

/** Every import, re-export and `import()` of a TypeScript source, type-only ones as well. */
export function scanImports(source: string): FoundImport[] {
  const tokens = tokenize(source).filter((token) => token.kind !== "comment");
  const found: FoundImport[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || isMark(tokens[index - 1], ".")) continue;
    if (token.text === "import") add(found, importAt(tokens, index));
    if (token.text === "export") add(found, reexportAt(tokens, index));
  }
  return found;
}

function add(found: FoundImport[], one: FoundImport | undefined): void {
  if (one !== undefined) found.push(one);
}

function importAt(tokens: readonly Token[], index: number): FoundImport | undefined {
  const line = tokens[index]!.line;
  const next = tokens[index + 1];
  if (next === undefined || isMark(next, ".") || isMark(next, ":")) return undefined;
  if (next.kind === "string") return { specifier: next.text, line, when: "now" };
  if (!isMark(next, "(")) return fromClause(tokens, index + 1, line, isTypeOnly(tokens, index));
  const name = tokens[index + 2];
  const literal = isMark(tokens[index + 3], ")") || isMark(tokens[index + 3], ",");
  if (!literal && isDeclaration(tokens[index - 1])) return undefined;
  const isText = name?.kind === "string" || name?.kind === "template";
  return { specifier: isText && literal ? name.text : undefined, line, when: "lazy" };
}

/** A method or member may be called `import`; an `import()` whose result nobody takes is always literal. */
function isDeclaration(before: Token | undefined): boolean {
  return before?.text === "async" || [";", "{", "}", ","].some((mark) => isMark(before, mark));
}

function reexportAt(tokens: readonly Token[], index: number): FoundImport | undefined {
  const line = tokens[index]!.line;
  const types = isTypeOnly(tokens, index);
  const start = types ? index + 2 : index + 1;
  if (isMark(tokens[start], "*")) return fromClause(tokens, start, line, types);
  if (!isMark(tokens[start], "{")) return undefined;
  const end = tokens.findIndex((token, position) => position > start && isMark(token, "}"));
  return tokens[end + 1]?.text === "from" ? fromClause(tokens, end, line, types) : undefined;
}

/** `import type …` and `export type …`, where `type` is not itself the name that is imported. */
function isTypeOnly(tokens: readonly Token[], index: number): boolean {
  const after = tokens[index + 2];
  if (tokens[index + 1]?.text !== "type" || after === undefined) return false;
  return !isMark(after, ",") && after.text !== "from";
}

function fromClause(
  tokens: readonly Token[],
  index: number,
  line: number,
  types: boolean,
): FoundImport | undefined {
  for (let position = index; position < tokens.length - 1; position += 1) {
    const name = tokens[position + 1]!;
    if (tokens[position]!.text === "from" && name.kind === "string") {
      return { specifier: name.text, line, when: types ? "types" : "now" };
    }
    if (isMark(tokens[position], ";")) return undefined;
  }
  return undefined;
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === "mark" && token.text === mark;
}
