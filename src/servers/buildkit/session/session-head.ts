import { DuetError } from "../../../kit/errors.ts";
import type { SessionHead } from "./session.ts";

const maximumMethods = 128;
const prefix = "x-docker-expose-session-";

/** What a client says as it opens a session. Throws `invalid` SESSION_INVALID. */
export function readSessionHead(valuesOf: (header: string) => readonly string[]): SessionHead {
  const text = (name: string): string => valuesOf(`${prefix}${name}`)[0] ?? "";
  const id = text("uuid");
  if (!/^[\w.-]{1,128}$/.test(id)) throw invalid("the session has no id");
  const sharedKey = text("sharedkey");
  if (sharedKey.length > 1_024) throw invalid("the session's shared key is too long");
  const methods = valuesOf(`${prefix}grpc-method`).slice(0, maximumMethods);
  return { id, sharedKey, methods: new Set(methods.map((method) => method.toLowerCase())) };
}

function invalid(message: string): DuetError {
  return new DuetError("invalid", "SESSION_INVALID", message);
}
