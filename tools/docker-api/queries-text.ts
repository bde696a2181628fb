import type { OperationDescription } from "../../src/spec/docker/description/form.ts";
import { madeFrom } from "./made-from.ts";
import { parseField } from "./notation.ts";

/** The module that tells what the queries of requests may hold. */
export function queriesText(operations: readonly OperationDescription[]): string {
  const entries = operations.flatMap((operation) => {
    const lines = [
      ...filterLines(operation),
      ...boundLines(operation, "since"),
      ...boundLines(operation, "until"),
    ];
    return lines.length === 0
      ? []
      : [`  ${JSON.stringify(operation.route)}: {\n${lines.join("")}  },\n`];
  });
  return [
    madeFrom("description/operations/"),
    `export interface QueryRules {
  /** Names that the parameter \`filters\` may have; any without it. */
  readonly filters?: readonly string[];
  /** The first version (1000 × major + minor) in which a parameter means something. */
  readonly since?: Readonly<Record<string, number>>;
  /** The last one. */
  readonly until?: Readonly<Record<string, number>>;
}
`,
    "/** By method and path, as the table of routes has them; what is not here has no rules. */",
    `export const queries: Readonly<Record<string, QueryRules>> = {\n${entries.join("")}};\n`,
  ].join("\n");
}

function filterLines({ filters }: OperationDescription): readonly string[] {
  if (filters === undefined) return [];
  const names = filters.map((name) => JSON.stringify(name));
  const line = `    filters: [${names.join(", ")}],\n`;
  if (line.length <= 101) return [line];
  return [`    filters: [\n${names.map((name) => `      ${name},\n`).join("")}    ],\n`];
}

function boundLines(
  { query = {} }: OperationDescription,
  bound: "since" | "until",
): readonly string[] {
  const bounded = Object.entries(query).flatMap(([name, text]) => {
    const version = parseField(text)[bound];
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
    return version === null ? [] : [`${key}: ${version}`];
  });
  return bounded.length === 0 ? [] : [`    ${bound}: { ${bounded.join(", ")} },\n`];
}
