/**
 * Messages of protocol buffers (proto3) as data: field numbers and kinds. The descriptions themselves are wire contracts
 * and stand in src/spec; this is the form that reading and writing them goes by.
 */
export interface Message<T> {
  readonly fields: Readonly<Record<string, Field<unknown>>>;
  /** Never there: it carries the type of a value. */
  readonly type?: T;
}

export interface Field<T> {
  readonly number: number;
  readonly kind: "string" | "bytes" | "bool" | "int" | "bigint" | "message";
  readonly label: "one" | "list" | "map";
  /** Of kind `message`, and for a map the entry's value. */
  readonly of?: Message<unknown>;
  readonly type?: T;
}

/** A method of a gRPC service. */
export interface Method<Request, Response> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: Message<Request>;
  readonly response: Message<Response>;
}
