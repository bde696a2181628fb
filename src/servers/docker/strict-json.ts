import { parseJson, type JsonValue } from "../../kit/strict-json.ts";
import { invalid } from "./failures.ts";
import { maximumJsonDepth } from "./limits.ts";

/** Parses a body, or JSON in a header or a query. Throws `invalid`, as far as possible in Docker's words. */
export function parseBoundedJson(bytes: Uint8Array | string): JsonValue {
  return parseJson(bytes, {
    maximumDepth: maximumJsonDepth,
    repeatedKeys: true,
    refuse: (why, cause) => invalid(wordingOf(why, cause, bytes.length)),
  });
}

function wordingOf(why: string, cause: unknown, length: number): string {
  if (!(cause instanceof SyntaxError)) return `invalid JSON: ${why}`;
  const place = / at position (\d+)/.exec(cause.message)?.[1];
  const isCutOff = cause.message.startsWith("Unexpected end of") || Number(place) >= length;
  if (isCutOff) return "invalid JSON: unexpected EOF";
  if (cause.message.includes("after JSON")) return "unexpected content after JSON";
  const character = /^Unexpected token '(.)'/u.exec(cause.message)?.[1];
  return character === undefined
    ? `invalid JSON: ${cause.message.slice(0, 200)}`
    : `invalid JSON: invalid character '${character}' looking for beginning of value`;
}
