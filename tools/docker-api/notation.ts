import type { FieldText } from "../../src/spec/docker/description/form.ts";

const scalars = [
  "string",
  "bool",
  "int",
  "int64",
  "uint",
  "uint16",
  "uint32",
  "uint64",
  "float64",
  "time",
  "struct",
  "any",
  "null",
  "words",
  "filters",
] as const;
export type Scalar = (typeof scalars)[number];

export type FieldType =
  | { readonly kind: "scalar"; readonly name: Scalar }
  | { readonly kind: "literals"; readonly values: readonly (string | number)[] }
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "list" | "map" | "nullable"; readonly of: FieldType };

export interface Field {
  readonly type: FieldType;
  /** Answers may lack it. */
  readonly optional: boolean;
  /** 1000 × major + minor of the first and the last version that has it; null for no bound. */
  readonly since: number | null;
  readonly until: number | null;
  readonly remark: string;
}

/** Reads the notation that description/form.ts explains. Throws an Error that quotes what it cannot read. */
export function parseField(text: FieldText): Field {
  const match =
    /^(?<type>[^—]+?)(?: since 1\.(?<since>\d+))?(?: until 1\.(?<until>\d+))?(?: — (?<remark>.+))?$/.exec(
      text,
    );
  const { type = "", since, until, remark = "" } = match?.groups ?? {};
  return {
    type: parseType(type.replace("?", "")),
    optional: type.includes("?"),
    since: since === undefined ? null : 1000 + Number(since),
    until: until === undefined ? null : 1000 + Number(until),
    remark,
  };
}

function parseType(text: string): FieldType {
  if (/^('[^']+'|\d+)( \| ('[^']+'|\d+))*$/.test(text)) {
    const values = text.split(" | ");
    return {
      kind: "literals",
      values: values.map((value) => JSON.parse(value.replaceAll("'", '"'))),
    };
  }
  if (text.endsWith(" | null")) return { kind: "nullable", of: parseType(text.slice(0, -7)) };
  if (text.endsWith("[]")) return { kind: "list", of: parseType(text.slice(0, -2)) };
  if (text.startsWith("{") && text.endsWith("}")) {
    return { kind: "map", of: parseType(text.slice(1, -1)) };
  }
  const scalar = scalars.find((name) => name === text);
  if (scalar !== undefined) return { kind: "scalar", name: scalar };
  if (/^[A-Z]\w+$/.test(text)) return { kind: "named", name: text };
  throw new Error(`no type of a field: ${JSON.stringify(text)}`);
}
