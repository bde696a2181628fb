import type { ObjectDescription } from "../../src/spec/docker/description/form.ts";
import type { Catalogue } from "./catalogue.ts";
import { madeFrom } from "./made-from.ts";
import { parseField, type FieldType, type Scalar } from "./notation.ts";

const words: Readonly<Record<Scalar, string>> = {
  string: "string",
  time: "string",
  bool: "boolean",
  int: "number",
  int64: "number",
  uint: "number",
  uint16: "number",
  uint32: "number",
  uint64: "number",
  float64: "number",
  struct: "object",
  any: "unknown",
  null: "null",
  words: "string[]",
  filters: "string",
};

/**
 * A module of TypeScript types. Of the types in `asked` a client may leave out any field; of others
 * only those that are marked.
 */
export function typesText(
  catalogue: Catalogue,
  module: string,
  asked: ReadonlySet<string>,
): string {
  const types = catalogue.modules[module]!;
  const declarations = Object.entries(types).map(([name, description]) => {
    const about = `/** ${description.about} */`;
    if ("is" in description) {
      return `${about}\nexport type ${name} = ${typeText(parseField(description.is).type)};\n`;
    }
    const parent = description.extends === undefined ? "" : ` extends ${description.extends}`;
    const fields = fieldsText(description, asked.has(name));
    return `${wrapped(about)}\nexport interface ${name}${parent} {\n${fields}\n}\n`;
  });
  const heads = [madeFrom(`description/${module}.ts`), importsText(catalogue, module)];
  return [...heads.filter((text) => text !== ""), ...declarations].join("\n");
}

function fieldsText(description: ObjectDescription, isAsked: boolean): string {
  return Object.entries(description.fields)
    .map(([name, text]) => {
      const field = parseField(text);
      const remark = remarkOf(field);
      const comment = remark === "" ? "" : `  /** ${remark} */\n`;
      const isBounded = field.since !== null || field.until !== null;
      const mark = field.optional || isBounded || isAsked ? "?" : "";
      return `${comment}  ${/^\w+$/.test(name) ? name : JSON.stringify(name)}${mark}: ${typeText(field.type)};`;
    })
    .join("\n");
}

function remarkOf(field: ReturnType<typeof parseField>): string {
  const from = field.since === null ? "" : `From API 1.${field.since - 1000} on.`;
  const to = field.until === null ? "" : `Up to API 1.${field.until - 1000}.`;
  return [field.remark, from, to].filter((part) => part !== "").join(" ");
}

function typeText(type: FieldType): string {
  if (type.kind === "scalar") return words[type.name];
  if (type.kind === "named") return type.name;
  if (type.kind === "literals")
    return type.values.map((value) => JSON.stringify(value)).join(" | ");
  const of = typeText(type.of);
  if (type.kind === "map") return `Record<string, ${of}>`;
  if (type.kind === "list") return of.includes("|") ? `(${of})[]` : `${of}[]`;
  return `${of} | null`;
}

function importsText(catalogue: Catalogue, module: string): string {
  const own = catalogue.modules[module]!;
  const needed = new Set(Object.keys(own).flatMap((name) => catalogue.namedIn(name)));
  const foreign = [...needed].filter((name) => !Object.hasOwn(own, name)).toSorted();
  const homes = Map.groupBy(foreign, (name) => catalogue.homeOf(name));
  return [...homes]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([home, names]) => `import type { ${names.join(", ")} } from "./${home}.ts";\n`)
    .join("");
}

/** A comment line of over 100 columns as a block. */
function wrapped(comment: string): string {
  if (comment.length <= 100) return comment;
  return `/**\n * ${comment.slice(4, -3)}\n */`;
}
