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

export interface JsonRules {
  /** Levels of arrays and objects. */
  readonly maximumDepth: number;
  /** Whether an object may have the same key twice, of which the last one counts. */
  readonly repeatedKeys: boolean;
  /** Makes the error; `why` reads `it is not UTF-8`. */
  readonly refuse: (why: string, cause?: unknown) => DuetError;
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
  return parseJson(bytes, {
    maximumDepth: limits.maximumDepth ?? 64,
    repeatedKeys: false,
    refuse: (why, cause) =>
      new DuetError("invalid", "JSON_INVALID", `${what} is not valid JSON: ${why}`, { cause }),
  });
}

/**
 * Parses JSON whose nesting is bounded, so that nothing which walks the value later can overflow its
 * stack. Throws what `rules.refuse` makes.
 */
export function parseJson(bytes: Uint8Array | string, rules: JsonRules): JsonValue {
  const text = typeof bytes === "string" ? bytes : decode(bytes, rules);
  let value: JsonValue;
  checkStructure(text, rules);
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw rules.refuse("it does not parse", cause);
  }
  return value;
}

function decode(bytes: Uint8Array, { refuse }: JsonRules): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw refuse("it is not UTF-8", cause);
  }
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const openList = 0x5b;
const closeList = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;

/** Walks text that need not be JSON: counts levels, and compares the keys of each object. */
function checkStructure(text: string, rules: JsonRules): void {
  /** One entry a level: the keys seen of an object, null for an array and where keys may repeat. */
  const levels: (Set<string> | null)[] = [];
  let keyExpected = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) {
      const end = endOfString(text, index);
      const keys = levels.at(-1);
      if (keyExpected && keys) addKey(keys, text.slice(index, end + 1), rules);
      keyExpected = false;
      index = end;
    } else if (code === openObject || code === openList) {
      keyExpected = code === openObject && !rules.repeatedKeys;
      levels.push(keyExpected ? new Set() : null);
      if (levels.length > rules.maximumDepth)
        throw rules.refuse(`it nests deeper than ${rules.maximumDepth} levels`);
    } else if (code === closeObject || code === closeList) {
      levels.pop();
      keyExpected = false;
    } else if (code === comma) {
      keyExpected = levels.at(-1) instanceof Set;
    }
  }
}

/** Where the string ends that starts at `start`; at the text's end where it is cut off. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) return index;
    if (code === backslash) index += 1;
  }
  return text.length;
}

function addKey(keys: Set<string>, literal: string, { refuse }: JsonRules): void {
  const key = literal.includes("\\") ? unescaped(literal) : literal.slice(1, -1);
  if (keys.has(key))
    throw refuse(`the key ${JSON.stringify(key.slice(0, 80))} stands twice in one object`);
  keys.add(key);
}

/** A literal that does not parse stays as it is: the whole text will not parse, either. */
function unescaped(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal;
  }
}
