/**
 * Messages of protocol buffers (proto3) as data: field numbers and kinds, from which types follow. Only what Duet
 * reads or writes of a message is described; readers skip the rest.
 */
export interface Message<T> {
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  /** Never there: it carries the type of a value. */
  readonly type?: T;
}

export type FieldKind = "string" | "bytes" | "bool" | "int" | "bigint" | "message";

export interface Field<T> {
  readonly number: number;
  readonly kind: FieldKind;
  readonly label: "one" | "list" | "map";
  /** Of kind `message`, and for a map the entry's value. */
  readonly of?: Message<unknown>;
  readonly type?: T;
}

type ValueOf<F> = F extends Field<infer T> ? T : never;

/** A message whose values have the named fields, with proto3's defaults where they were absent. */
export function message<const F extends Readonly<Record<string, Field<unknown>>>>(
  fields: F,
): Message<{ readonly [K in keyof F]: ValueOf<F[K]> }> {
  return { fields };
}

export type ValueOfMessage<M> = M extends Message<infer T> ? T : never;

export function string(number: number): Field<string> {
  return { number, kind: "string", label: "one" };
}

/** Also of proto's `string`, where it may be no UTF-8, such as a path. */
export function bytes(number: number): Field<Buffer> {
  return { number, kind: "bytes", label: "one" };
}

export function bool(number: number): Field<boolean> {
  return { number, kind: "bool", label: "one" };
}

/** Any whole number on the wire that JavaScript's numbers can hold: int32, int64, uint32, enum. */
export function int(number: number): Field<number> {
  return { number, kind: "int", label: "one" };
}

/** An int64 that needs all its bits, such as nanoseconds since the epoch. */
export function bigint(number: number): Field<bigint> {
  return { number, kind: "bigint", label: "one" };
}

export function nested<T>(number: number, of: Message<T>): Field<T | undefined> {
  return { number, kind: "message", label: "one", of };
}

export function list<T>(field: Field<T>): Field<readonly Exclude<T, undefined>[]> {
  const { number, kind, of } = field;
  return { number, kind, label: "list", ...(of === undefined ? {} : { of }) };
}

/** Of text to what `value` says; its own number is not used. */
export function map<T>(
  number: number,
  value: Field<T>,
): Field<ReadonlyMap<string, Exclude<T, undefined>>> {
  const { kind, of } = value;
  return { number, kind, label: "map", ...(of === undefined ? {} : { of }) };
}

/** A method of a gRPC service. */
export interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: Message<Request>;
  readonly response: Message<Response>;
}

export function method<Request, Response>(
  path: string,
  request: Message<Request>,
  response: Message<Response>,
): Method<Request, Response> {
  return { path, request, response };
}
