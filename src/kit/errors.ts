import { getSystemErrorMessage } from "node:util";

/**
 * The closed set of failure classes. Every error that leaves a module of Duet is a DuetError of one
 * of these; one table (`errorClasses`) maps them to HTTP status and exit code.
 */
export type ErrorClass =
  | "invalid"
  | "denied"
  | "not-found"
  | "conflict"
  | "unchanged"
  | "exhausted"
  | "too-large"
  | "unavailable"
  | "unsupported"
  | "timeout"
  | "canceled"
  | "corrupt"
  | "internal";

/** HTTP status (Docker Engine API conventions), gRPC code number and process exit code per class. */
export const errorClasses: Readonly<
  Record<ErrorClass, { readonly http: number; readonly grpc: number; readonly exit: number }>
> = {
  invalid: { http: 400, grpc: 3, exit: 125 },
  denied: { http: 403, grpc: 7, exit: 126 },
  "not-found": { http: 404, grpc: 5, exit: 125 },
  conflict: { http: 409, grpc: 6, exit: 125 },
  unchanged: { http: 304, grpc: 6, exit: 0 },
  exhausted: { http: 507, grpc: 8, exit: 125 },
  "too-large": { http: 413, grpc: 8, exit: 125 },
  unavailable: { http: 503, grpc: 14, exit: 125 },
  unsupported: { http: 501, grpc: 12, exit: 125 },
  timeout: { http: 504, grpc: 4, exit: 125 },
  canceled: { http: 499, grpc: 1, exit: 130 },
  corrupt: { http: 500, grpc: 15, exit: 125 },
  internal: { http: 500, grpc: 13, exit: 125 },
};

export interface DuetErrorOptions {
  /** The object it is about, such as `container web` or a path. */
  readonly subject?: string;
  /** What the user can do, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Overrides the class's HTTP status where Docker's API answers another one. */
  readonly http?: number;
}

/**
 * A failure with a class, a stable code in SCREAMING_SNAKE and a message in the order
 * what · why · which object. `hint` says what to do.
 */
export class DuetError extends Error {
  readonly class: ErrorClass;
  readonly code: string;
  readonly subject: string | undefined;
  readonly hint: string | undefined;
  readonly http: number;

  constructor(
    errorClass: ErrorClass,
    code: string,
    message: string,
    options: DuetErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DuetError";
    this.class = errorClass;
    this.code = code;
    this.subject = options.subject;
    this.hint = options.hint;
    this.http = options.http ?? errorClasses[errorClass].http;
  }
}

export function isDuetError(value: unknown, errorClass?: ErrorClass): value is DuetError {
  return value instanceof DuetError && (errorClass === undefined || value.class === errorClass);
}

/** The same failure under more words: `prefix: message`. */
export function prefixed(prefix: string, error: unknown): DuetError {
  const known = toDuetError(error);
  return new DuetError(known.class, known.code, `${prefix}: ${known.message}`, {
    cause: known,
    http: known.http,
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    ...(known.subject === undefined ? {} : { subject: known.subject }),
  });
}

/** Gives any thrown value as a DuetError; what is not one yet becomes class `internal` with it as cause. */
export function toDuetError(value: unknown): DuetError {
  if (value instanceof DuetError) return value;
  const message = value instanceof Error ? value.message : String(value);
  return new DuetError("internal", "INTERNAL", message, { cause: value });
}

/** The errno name (`ENOENT`) of a Node system error, or undefined. */
export function errnoOf(value: unknown): string | undefined {
  if (value instanceof Error && "code" in value && typeof value.code === "string")
    return value.code;
  return undefined;
}

/** Why a system call failed, in words (`no such file or directory`), or undefined. */
export function reasonOf(value: unknown): string | undefined {
  if (!(value instanceof Error) || !("errno" in value) || typeof value.errno !== "number")
    return undefined;
  return getSystemErrorMessage(value.errno);
}
