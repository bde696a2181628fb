import { DuetError } from "./errors.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonRecord;
export interface JsonRecord {
  readonly [key: string]: JsonValue;
}

export interface StrictJsonLimits {
  readonly maximumBytes: number;
  /** Levels of arrays and objects. Default 64. */
  readonly maximumDepth?: number;
}

/**
 * Parses hostile JSON as I-JSON (RFC 7493): UTF-8 without byte order mark, no object with the same
 * key twice (readers differ in which one they take), bounded in size and depth. `what` names the
 * document in errors. Throws `too-large` JSON_TOO_LARGE or `invalid` JSON_INVALID.
 */
export function parseStrictJson(
  bytes: Uint8Array,
  what: string,
  limits: StrictJsonLimits,
): JsonValue {
  if (bytes.length > limits.maximumBytes) {
    throw new DuetError(
      "too-large",
      "JSON_TOO_LARGE",
      `${what} has ${bytes.length} bytes, over the limit of ${limits.maximumBytes}`,
    );
  }
  const text = decode(bytes, what);
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw invalidJson(what, "it does not parse", cause);
  }
  checkStructure(text, what, limits.maximumDepth ?? 64);
  return value;
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalidJson(what, "it is not UTF-8", cause);
  }
}

/** Walks text that is known to be JSON: counts levels, and compares the keys of each object. */
function checkStructure(text: string, what: string, maximumDepth: number): void {
  /** One entry a level: the keys seen of an object, null for an array. */
  const levels: (Set<string> | null)[] = [];
  let keyExpected = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') {
      const end = endOfString(text, index);
      const keys = levels.at(-1);
      if (keyExpected && keys) addKey(keys, text.slice(index, end + 1), what);
      keyExpected = false;
      index = end;
    } else if (character === "{" || character === "[") {
      levels.push(character === "{" ? new Set() : null);
      keyExpected = character === "{";
      if (levels.length > maximumDepth)
        throw invalidJson(what, `it nests deeper than ${maximumDepth} levels`);
    } else if (character === "}" || character === "]") {
      levels.pop();
      keyExpected = false;
    } else if (character === ",") {
      keyExpected = levels.at(-1) instanceof Set;
    }
  }
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 1;
}

function addKey(keys: Set<string>, literal: string, what: string): void {
  const key = literal.includes("\\") ? String(JSON.parse(literal)) : literal.slice(1, -1);
  if (keys.has(key))
    throw invalidJson(
      what,
      `the key ${JSON.stringify(key.slice(0, 80))} stands twice in one object`,
    );
  keys.add(key);
}

function invalidJson(what: string, why: string, cause?: unknown): DuetError {
  return new DuetError("invalid", "JSON_INVALID", `${what} is not valid JSON: ${why}`, { cause });
}
