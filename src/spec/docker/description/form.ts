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
  /** Answers repeat it with all of its fields, also those that the request left out. */
  readonly complete?: true;
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

/** One request that the server understands. */
export interface OperationDescription {
  /** Method and path: `{id}` is one segment, `{name*}` one or more. HEAD goes with GET where Docker has it. */
  readonly route: string;
  readonly about: string;
  /** Parameters: `bool`, `int`, `string`, `string[]` for one that may stand more than once, `filters`. */
  readonly query?: Readonly<Record<string, FieldText>>;
  /** Names that the parameter `filters` may have; any without it. */
  readonly filters?: readonly string[];
  /** Name of the type of the JSON body. */
  readonly body?: string;
  /**
   * Answers by status: a TYPE as JSON, `lines TYPE` for JSON one by one, `text`, `bytes`, `raw` for a
   * connection that becomes a stream, `""` for none. Failures are an ErrorAnswer and stand in `fails`.
   */
  readonly answers: Readonly<Record<number, string>>;
  /** Statuses of failures, beside those that any request may end with. */
  readonly fails?: readonly number[];
  readonly since?: string;
}

/** Statuses that any request may fail with: what makes no sense, is too large, is late, and so on. */
export const commonFailures: readonly number[] = [400, 403, 408, 413, 421, 500, 501, 503, 507];
