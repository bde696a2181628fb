import { callFunction } from "./template-functions.ts";
import { templateError } from "./template-error.ts";
import {
  parseTemplate,
  type Call,
  type Expression,
  type Node,
  type Pipeline,
} from "./template-parser.ts";
import { goText, isTruthy } from "./go-text.ts";

/** A compiled template: gives the text for one value. */
export type Template = (value: unknown) => string;

export interface TemplateOptions {
  /** Functions give their last argument back: how Docker makes a table's header line. */
  readonly header?: boolean;
}

/** Compiles a Go template. Throws `invalid` BAD_TEMPLATE, at use also where a field does not exist or it does too much. */
export function compileTemplate(text: string, options: TemplateOptions = {}): Template {
  const nodes = parseTemplate(text);
  return (value) => new Evaluation(value, options.header === true).text(nodes, value);
}

/** What one evaluation may do, counted in characters: some tags of logs come from files of others. */
const mostWork = 16 << 20;
/** What a node counts besides its text. */
const workOfNode = 16;

class Evaluation {
  private readonly variables: Map<string, unknown>;
  private readonly header: boolean;
  private left = mostWork;

  constructor(root: unknown, header: boolean) {
    this.variables = new Map([["$", root]]);
    this.header = header;
  }

  text(nodes: readonly Node[], dot: unknown): string {
    return nodes.map((node) => this.counted(this.node(node, dot))).join("");
  }

  private counted<T>(value: T): T {
    this.left -= workOfNode + (typeof value === "string" ? value.length : 0);
    if (this.left >= 0) return value;
    throw templateError("it does too much");
  }

  private node(node: Node, dot: unknown): string {
    switch (node.kind) {
      case "text":
        return node.text;
      case "output": {
        const value = this.pipeline(node.pipeline, dot);
        return node.pipeline.variables.length > 0
          ? this.assign(node.pipeline, value)
          : goText(value);
      }
      case "if": {
        const value = this.pipeline(node.pipeline, dot);
        this.assign(node.pipeline, value);
        return this.text(isTruthy(value) ? node.body : node.otherwise, dot);
      }
      case "with": {
        const value = this.pipeline(node.pipeline, dot);
        this.assign(node.pipeline, value);
        return isTruthy(value) ? this.text(node.body, value) : this.text(node.otherwise, dot);
      }
      default:
        return this.range(node.pipeline, node.body, node.otherwise, dot);
    }
  }

  private range(
    pipeline: Pipeline,
    body: readonly Node[],
    otherwise: readonly Node[],
    dot: unknown,
  ): string {
    const value = this.pipeline(pipeline, dot);
    const entries = entriesOf(value);
    if (entries.length === 0) return this.text(otherwise, dot);
    const [first, second] = pipeline.variables;
    let result = "";
    for (const [key, entry] of entries) {
      if (first !== undefined) this.variables.set(first, second === undefined ? entry : key);
      if (second !== undefined) this.variables.set(second, entry);
      result += this.counted(this.text(body, entry));
    }
    return result;
  }

  private assign(pipeline: Pipeline, value: unknown): string {
    for (const name of pipeline.variables) this.variables.set(name, value);
    return "";
  }

  private pipeline(pipeline: Pipeline, dot: unknown): unknown {
    let piped: readonly unknown[] = [];
    for (const call of pipeline.calls) piped = [this.call(call, dot, piped)];
    return piped[0];
  }

  private call(call: Call, dot: unknown, piped: readonly unknown[]): unknown {
    const [head, ...rest] = call;
    const values = (): unknown[] => [
      ...rest.map((expression) => this.counted(this.value(expression, dot))),
      ...piped,
    ];
    if (head!.kind === "function") {
      return this.header ? values().at(-1) : this.counted(callFunction(head!.name, values()));
    }
    const value = this.value(head!, dot);
    if (typeof value === "function") return (value as (...args: unknown[]) => unknown)(...values());
    if (rest.length > 0 || piped.length > 0) throw templateError("a value takes no arguments");
    return value;
  }

  private value(expression: Expression, dot: unknown): unknown {
    if (expression.kind === "literal") return expression.value;
    if (expression.kind === "function") return this.call([expression], dot, []);
    let value = this.base(expression, dot);
    for (const name of expression.fields) value = fieldOf(value, name);
    return value;
  }

  private base(expression: Extract<Expression, { kind: "path" }>, dot: unknown): unknown {
    if (expression.base === "dot") return dot;
    if (expression.base === "pipeline") return this.pipeline(expression.pipeline!, dot);
    if (!this.variables.has(expression.variable)) {
      throw templateError(`the variable ${expression.variable} is not set`);
    }
    return this.variables.get(expression.variable);
  }
}

/** By exact name, or else without case: the API says `Id` where Go's own field is `ID`. */
function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw templateError(
      `there is no field ${name} in ${value === null || value === undefined ? "nothing" : typeof value}`,
    );
  }
  if (Object.hasOwn(value, name)) return Reflect.get(value, name);
  const wanted = name.toLowerCase();
  const key = Object.keys(value).find((candidate) => candidate.toLowerCase() === wanted);
  if (key === undefined) throw templateError(`there is no field ${name}`);
  return Reflect.get(value, key);
}

function entriesOf(value: unknown): (readonly [unknown, unknown])[] {
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value === "number")
    return Array.from({ length: Math.max(0, Math.min(value, 10_000)) }, (_, i) => [i, i]);
  if (typeof value !== "object" || value === null) {
    if (value === null || value === undefined) return [];
    throw templateError(`cannot range over ${goText(value)}`);
  }
  return Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
}
