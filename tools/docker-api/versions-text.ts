import type { Catalogue } from "./catalogue.ts";
import { madeFrom } from "./made-from.ts";
import type { Field } from "./notation.ts";

/** The module that tells which fields of answers only some versions have. */
export function versionsText(catalogue: Catalogue, asked: ReadonlySet<string>): string {
  const types = Object.values(catalogue.modules).flatMap((module) => Object.entries(module));
  const tables = types.flatMap(([name, description]) => {
    if ("is" in description || asked.has(name)) return [];
    const bounded = [...catalogue.fieldsOf(description)].filter(
      ([, field]) => field.since !== null || field.until !== null,
    );
    if (bounded.length === 0) return [];
    const lines = bounded.map(([key, field]) => `  ${key}: { ${boundsText(field)} },\n`);
    return [`export const ${name}: FieldVersions = {\n${lines.join("")}};\n`];
  });
  return [
    madeFrom("description/"),
    `/** The first and the last version (1000 × major + minor) that has a field. */
export type FieldVersions = Readonly<
  Record<string, { readonly since?: number; readonly until?: number }>
>;
`,
    ...tables.map((table) =>
      table.replace(/const (\w)/, (_, first) => `const ${first.toLowerCase()}`),
    ),
  ].join("\n");
}

function boundsText({ since, until }: Field): string {
  return [
    ...(since === null ? [] : [`since: ${since}`]),
    ...(until === null ? [] : [`until: ${until}`]),
  ].join(", ");
}
