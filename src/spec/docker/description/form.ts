/**
 * The form of the description of the Docker Engine API, from which types, readers of requests and
 * checks of answers are made. It is data: one line says what one field is.
 *
 * A field is `"TYPE[?] [since 1.N] [until 1.N] [— remark]"`. `?`: answers may lack it (requests may
 * lack every field). `since`/`until`: the versions in which the server takes and gives it, the last
 * one included. TYPE is one of
 * - `string`, `bool`, `int64`, `uint16` …, `float64`, `time` (RFC 3339), `struct` ({}), `any`
 * - `words`: a list of strings, which requests may give as one string
 * - `'a' | 'b'`: one of these strings; `"0 | 1"`: one of these numbers
 * - the name of another type
 * - `T[]` a list, `{T}` an object with values of T, `T | null` where answers may hold null
 *   (requests may hold null everywhere).
 */
export type FieldText = string;

/** A type with named fields. */
export interface ObjectDescription {
  readonly about: string;
  /** Name of the type whose fields it has, too. */
  readonly extends?: string;
  /** What Docker calls it in its refusals of wrong types, where that is another name. */
  readonly go?: string;
  readonly fields: Readonly<Record<string, FieldText>>;
}

/** A name for a type that is written without fields, such as a list. */
export interface AliasDescription {
  readonly about: string;
  readonly is: FieldText;
}

export type TypeDescription = ObjectDescription | AliasDescription;

/** The types of one module of `src/spec/docker`. */
export type ModuleDescription = Readonly<Record<string, TypeDescription>>;
