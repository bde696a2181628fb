import type { DuetError } from "./errors.ts";
import type { JsonRecord, JsonValue } from "./strict-json.ts";

/** Makes the error for a field that is not what it must be; `why` reads `layers[0].size is not a whole number`. */
export type Refusal = (why: string) => DuetError;

/**
 * Reads the fields of a JSON object that came from outside, each with the type it must have. null
 * counts as absent, as Go's decoders have it; a wrong type is refused.
 */
export class JsonFields {
  private readonly record: JsonRecord;
  private readonly path: string;
  private readonly refuse: Refusal;

  constructor(value: JsonValue | undefined, path: string, refuse: Refusal) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw refuse(`${path} is not an object`);
    this.record = value as JsonRecord;
    this.path = path;
    this.refuse = refuse;
  }

  has(key: string): boolean {
    return this.value(key) !== undefined;
  }

  /**
   * Refuses an object in which two keys differ only in case: Go's decoders, and so most other
   * tools, take them for the same one.
   */
  refuseKeysThatDifferInCase(): void {
    const folded = new Set<string>();
    for (const key of Object.keys(this.record)) {
      const lower = key.toLowerCase();
      if (folded.has(lower))
        throw this.refuse(`${this.path} has two keys that differ only in case: ${quoted(key)}`);
      folded.add(lower);
    }
  }

  value(key: string): JsonValue | undefined {
    if (!Object.hasOwn(this.record, key)) return undefined;
    return this.record[key] ?? undefined;
  }

  /** A string without NUL, which no path, argument or variable can hold. */
  text(key: string): string | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : this.asText(value, key);
  }

  /** A whole number from 0 to 2⁵³ - 1. */
  count(key: string): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.refuse(`${this.name(key)} is not a whole number from 0 to 2^53 - 1`);
  }

  flag(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.refuse(`${this.name(key)} is not true or false`);
  }

  list(key: string): readonly JsonValue[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value)) return value as readonly JsonValue[];
    throw this.refuse(`${this.name(key)} is not a list`);
  }

  texts(key: string): readonly string[] | undefined {
    return this.list(key)?.map((value, index) => this.asText(value, `${key}[${index}]`));
  }

  objects(key: string): readonly JsonFields[] | undefined {
    return this.list(key)?.map(
      (value, index) => new JsonFields(value, `${this.name(key)}[${index}]`, this.refuse),
    );
  }

  object(key: string): JsonFields | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : new JsonFields(value, this.name(key), this.refuse);
  }

  /** An object whose values are all strings. */
  textMap(key: string): Readonly<Record<string, string>> | undefined {
    const fields = this.object(key);
    if (fields === undefined) return undefined;
    return Object.fromEntries(fields.keys().map((name) => [name, fields.text(name) ?? ""]));
  }

  /** The keys of this object. */
  keys(): readonly string[] {
    return Object.keys(this.record).map((key) => this.asText(key, `key ${quoted(key)}`));
  }

  private asText(value: JsonValue, key: string): string {
    if (typeof value !== "string") throw this.refuse(`${this.name(key)} is not a string`);
    if (value.includes("\0")) throw this.refuse(`${this.name(key)} contains a NUL character`);
    return value;
  }

  private name(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
