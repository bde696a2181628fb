import { DuetError, errorClasses, toDuetError, type ErrorClass } from "../errors.ts";
import type { Message } from "./method.ts";
import { decode } from "./decode.ts";
import { encode } from "./encode.ts";

/** Codes of gRPC that are asked for by name. */
export const codes = { ok: 0, canceled: 1, unknown: 2, notFound: 5, unimplemented: 12 } as const;

/** google.protobuf.Any. */
export interface Any {
  readonly typeUrl: string;
  readonly value: Buffer;
}

const any: Message<Any> = {
  fields: {
    typeUrl: { number: 1, kind: "string", label: "one" },
    value: { number: 2, kind: "bytes", label: "one" },
  },
};
/** google.rpc.Status. */
const status: Message<Status> = {
  fields: {
    code: { number: 1, kind: "int", label: "one" },
    message: { number: 2, kind: "string", label: "one" },
    details: { number: 3, kind: "message", label: "list", of: any },
  },
};

/** How a call ended. */
export interface Status {
  readonly code: number;
  readonly message: string;
  /** Typed parts, in BuildKit's types. */
  readonly details: readonly Any[];
}

/** A failure that already is what goes over the wire, or that came over it. */
export class StatusError extends DuetError {
  readonly status: Status;

  constructor(code: number, message: string, details: readonly Any[] = []) {
    super(classOf(code), "GRPC_STATUS", message);
    this.status = { code, message, details };
  }
}

const classes = new Map<number, ErrorClass>(
  (Object.keys(errorClasses) as ErrorClass[])
    .filter((name) => name !== "unchanged" && name !== "too-large")
    .map((name) => [errorClasses[name].grpc, name]),
);

function classOf(code: number): ErrorClass {
  return classes.get(code) ?? "internal";
}

/** google.rpc.Status as it is stored. */
export function encodeStatus(value: Status): Buffer {
  return encode(status, value);
}

export function statusOf(thrown: unknown): Status {
  if (thrown instanceof StatusError) return thrown.status;
  const error = toDuetError(thrown);
  const message = error.hint === undefined ? error.message : `${error.message}\n${error.hint}`;
  return { code: errorClasses[error.class].grpc, message, details: [] };
}

/** The trailers of a call that ended so. */
export function trailersOf({ code, message, details }: Status): Record<string, string> {
  const trailers: Record<string, string> = { "grpc-status": String(code) };
  if (message !== "") trailers["grpc-message"] = escapeMessage(message.slice(0, 8 << 10));
  if (details.length > 0) {
    const packed = encode(status, { code, message, details });
    trailers["grpc-status-details-bin"] = packed.toString("base64").replace(/=+$/, "");
  }
  return trailers;
}

/** What trailers (or the head of an answer without any) say of the end of a call; undefined where nothing. */
export function readTrailers(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Status | undefined {
  const code = headers["grpc-status"];
  if (typeof code !== "string" || !/^\d{1,3}$/.test(code)) return undefined;
  const message = headers["grpc-message"];
  const packed = headers["grpc-status-details-bin"];
  return {
    code: Number(code),
    message: typeof message === "string" ? unescapeMessage(message.slice(0, 8 << 10)) : "",
    details: typeof packed === "string" ? readDetails(packed) : [],
  };
}

function readDetails(packed: string): readonly Any[] {
  try {
    return decode(status, Buffer.from(packed, "base64")).details;
  } catch {
    return [];
  }
}

/** gRPC's percent encoding of Status-Message. */
function escapeMessage(text: string): string {
  let escaped = "";
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    escaped += isPlain
      ? String.fromCodePoint(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return escaped;
}

function unescapeMessage(text: string): string {
  const bytes: number[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const isEscape = /^%[0-9a-f]{2}$/i.test(text.slice(index, index + 3));
    bytes.push(
      isEscape
        ? Number.parseInt(text.slice(index + 1, index + 3), 16)
        : text.charCodeAt(index) & 0xff,
    );
    if (isEscape) index += 2;
  }
  return Buffer.from(bytes).toString("utf8");
}
