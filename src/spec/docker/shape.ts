/** What a part of a request's body must be, as the server reads it. Numbers are those of Go. */
export type Shape =
  | { readonly kind: "string" | "bool" | "struct" | "any" | "words"; readonly go: string }
  | {
      readonly kind: "number";
      readonly go: string;
      readonly minimum: number;
      readonly maximum: number;
      readonly whole: boolean;
    }
  | { readonly kind: "list" | "map"; readonly go: string; readonly of: Shape }
  | ObjectShape<unknown>;

/** A shape in an object, with the versions (1000 × major + minor) that have it, both included. */
export type FieldShape = Shape & { readonly since?: number; readonly until?: number };

export type Fields = Readonly<Record<string, FieldShape>>;

export interface ObjectShape<T> {
  readonly kind: "object";
  readonly go: string;
  /** By the field's name and by that in lower case. */
  readonly fields: ReadonlyMap<string, { readonly name: string; readonly shape: FieldShape }>;
  /** What is absent is filled in with "", 0, false and empty lists, as the fields of a Go struct. */
  readonly complete: boolean;
  /** Never there: it carries the type of what is read. */
  readonly type?: T;
}

function whole(go: string, minimum: number, maximum: number): Shape {
  return { kind: "number", go, minimum, maximum, whole: true };
}

export const string: Shape = { kind: "string", go: "string" };
export const bool: Shape = { kind: "bool", go: "bool" };
export const struct: Shape = { kind: "struct", go: "struct {}" };
export const any: Shape = { kind: "any", go: "interface {}" };
export const words: Shape = { kind: "words", go: "[]string" };
export const int: Shape = whole("int", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const int64: Shape = whole("int64", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
export const uint: Shape = whole("uint", 0, Number.MAX_SAFE_INTEGER);
export const uint16: Shape = whole("uint16", 0, 2 ** 16 - 1);
export const uint32: Shape = whole("uint32", 0, 2 ** 32 - 1);
export const uint64: Shape = whole("uint64", 0, Number.MAX_SAFE_INTEGER);

export function list(of: Shape): Shape {
  return { kind: "list", go: `[]${of.go}`, of };
}

export function map(of: Shape): Shape {
  return { kind: "map", go: `map[string]${of.go}`, of };
}

export function object<T>(go: string, fields: Fields): ObjectShape<T> {
  return objectOf(go, fields, false);
}

export function completeObject<T>(go: string, fields: Fields): ObjectShape<T> {
  return objectOf(go, fields, true);
}

function objectOf<T>(go: string, fields: Fields, complete: boolean): ObjectShape<T> {
  const named = Object.entries(fields).flatMap(([name, shape]) => [
    [name, { name, shape }] as const,
    [name.toLowerCase(), { name, shape }] as const,
  ]);
  return { kind: "object", go, fields: new Map(named), complete };
}
