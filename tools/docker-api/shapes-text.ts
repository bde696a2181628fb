import type { Catalogue } from "./catalogue.ts";
import { madeFrom } from "./made-from.ts";
import { parseField, type Field, type FieldType } from "./notation.ts";

/** The module of shapes by which bodies of requests are read: those of `bodies` and what they need. */
export function shapesText(catalogue: Catalogue, bodies: readonly string[]): string {
  const names = inOrder(catalogue, bodies);
  const shapes = names.map((name) => shapeText(catalogue, name, bodies.includes(name)));
  const imports = Map.groupBy(bodies.toSorted(), (name) => catalogue.homeOf(name));
  const importLines = [...imports]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([home, types]) => importText(types, home));
  const used = constructorsIn(shapes.join("\n"));
  return [
    madeFrom("description/"),
    `${importLines.join("")}${importText([...used, "type Fields"], "shape", "")}`,
    ...shapes,
  ].join("\n");
}

function importText(names: readonly string[], home: string, keyword = "type "): string {
  const line = `import ${keyword}{ ${names.join(", ")} } from "./${home}.ts";\n`;
  if (line.length <= 101) return line;
  return `import ${keyword}{\n${names.map((name) => `  ${name},\n`).join("")}} from "./${home}.ts";\n`;
}

function constructorsIn(text: string): readonly string[] {
  const known = [
    "any",
    "bool",
    "completeObject",
    "float64",
    "int",
    "int64",
    "list",
    "map",
    "object",
    "string",
  ];
  const more = ["struct", "uint", "uint16", "uint32", "uint64", "words"];
  return [...known, ...more].filter((name) => new RegExp(`[ (.]${name}[(),;<]`).test(text));
}

/** What is needed comes first. */
function inOrder(catalogue: Catalogue, bodies: readonly string[]): readonly string[] {
  const order: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name)) return;
    for (const needed of catalogue.namedIn(name)) visit(needed);
    order.push(name);
  };
  for (const name of bodies) visit(name);
  return order;
}

function shapeText(catalogue: Catalogue, name: string, isBody: boolean): string {
  const description = catalogue.get(name);
  if ("is" in description) {
    return `const ${constantOf(name)} = ${typeText(parseField(description.is).type)};\n`;
  }
  const inherited =
    description.extends === undefined ? "" : `  ...${constantOf(description.extends)}Fields,\n`;
  const own = Object.entries(description.fields).map(
    ([key, text]) => `  ${key}: ${fieldText(parseField(text))},\n`,
  );
  const fields = `{\n${inherited}${own.join("")}}`;
  const go = JSON.stringify(description.go ?? name);
  const constructor = description.complete === true ? "completeObject" : "object";
  const made = `${isBody ? "export " : ""}const ${constantOf(name)} = ${constructor}${isBody ? `<${name}>` : ""}`;
  if (!catalogue.isExtended(name)) return `${made}(${go}, ${fields});\n`;
  const shared = `const ${constantOf(name)}Fields: Fields = ${fields};\n`;
  return isBody ? `${shared}\n${made}(${go}, ${constantOf(name)}Fields);\n` : shared;
}

function fieldText({ type, since, until }: Field): string {
  const bounds = [
    ...(since === null ? [] : [`since: ${since}`]),
    ...(until === null ? [] : [`until: ${until}`]),
  ];
  const text = typeText(type);
  return bounds.length === 0 ? text : `{ ...${text}, ${bounds.join(", ")} }`;
}

/** What only answers and queries have. */
const foreign: ReadonlySet<string> = new Set(["time", "null", "filters"]);

/** Requests may hold null everywhere, so that it needs no shape. */
function typeText(type: FieldType): string {
  if (type.kind === "named") return constantOf(type.name);
  if (type.kind === "nullable") return typeText(type.of);
  if (type.kind === "list" || type.kind === "map") return `${type.kind}(${typeText(type.of)})`;
  if (type.kind === "scalar" && !foreign.has(type.name)) return type.name;
  throw new Error("bodies of requests have no literals, times and nulls");
}

function constantOf(name: string): string {
  return `${name[0]!.toLowerCase()}${name.slice(1)}`;
}
