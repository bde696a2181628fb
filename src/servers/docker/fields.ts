import { invalid } from "./failures.ts";

/**
 * Reads one JSON object as Go's encoding/json fills a struct: unknown keys are ignored, keys match
 * without case (the exact spelling first), null is as if absent, and a value of another type is
 * refused with its path. Every reader gives `undefined` for what is absent.
 */
export class Fields {
  private readonly values = new Map<string, unknown>();
  private readonly path: string;

  private constructor(value: object, path: string) {
    this.path = path;
    for (const [key, content] of Object.entries(value)) {
      const folded = key.toLowerCase();
      // A later key wins as in Go; exact spelling cannot be told from here, and no client mixes both.
      if (content !== null) this.values.set(folded, content);
    }
  }

  /** Throws `invalid` where the value is not an object. */
  static of(value: unknown, path: string): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw mismatch(path, "an object", value);
    }
    return new Fields(value, path);
  }

  has(key: string): boolean {
    return this.values.has(key.toLowerCase());
  }

  private at(key: string): unknown {
    return this.values.get(key.toLowerCase());
  }

  private where(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  text(key: string): string | undefined {
    const value = this.at(key);
    return value === undefined ? undefined : checkText(value, this.where(key));
  }

  flag(key: string): boolean | undefined {
    const value = this.at(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw mismatch(this.where(key), "true or false", value);
  }

  /** A whole number that a double holds exactly. */
  integer(key: string, minimum = Number.MIN_SAFE_INTEGER): number | undefined {
    const value = this.at(key);
    return value === undefined ? undefined : checkInteger(value, this.where(key), minimum);
  }

  object<T>(key: string, read: (fields: Fields) => T): T | undefined {
    const value = this.at(key);
    return value === undefined ? undefined : read(Fields.of(value, this.where(key)));
  }

  list<T>(key: string, read: (value: unknown, path: string) => T): T[] | undefined {
    const value = this.at(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw mismatch(this.where(key), "a list", value);
    return value.map((item, index) => read(item, `${this.where(key)}[${index}]`));
  }

  /** Entries by key, in their order; a null value reaches `read`. */
  map<T>(key: string, read: (value: unknown, path: string) => T): Record<string, T> | undefined {
    const value = this.at(key);
    if (value === undefined) return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw mismatch(this.where(key), "an object", value);
    }
    const entries = Object.entries(value).map(([name, content]): [string, T] => {
      const path = `${this.where(key)}[${JSON.stringify(name.slice(0, 80))}]`;
      return [checkText(name, path), read(content, path)];
    });
    return Object.fromEntries(entries);
  }

  texts(key: string): string[] | undefined {
    return this.list(key, checkText);
  }

  /** Go's strslice: a list, or one string in place of a list of one. */
  words(key: string): string[] | undefined {
    const value = this.at(key);
    return typeof value === "string" ? [checkText(value, this.where(key))] : this.texts(key);
  }

  textMap(key: string): Record<string, string> | undefined {
    return this.map(key, (value, path) => (value === null ? "" : checkText(value, path)));
  }

  objects<T>(key: string, read: (fields: Fields) => T): T[] | undefined {
    return this.list(key, (value, path) => read(Fields.of(value, path)));
  }

  integers(key: string): number[] | undefined {
    return this.list(key, (value, path) => checkInteger(value, path, Number.MIN_SAFE_INTEGER));
  }
}

export function checkText(value: unknown, path: string): string {
  if (typeof value !== "string") throw mismatch(path, "a string", value);
  if (value.includes("\0")) throw invalid(`${path} holds a NUL byte`);
  return value;
}

function checkInteger(value: unknown, path: string, minimum: number): number {
  if (typeof value !== "number") throw mismatch(path, "a whole number", value);
  if (!Number.isSafeInteger(value) || Object.is(value, -0) || value < minimum) {
    throw invalid(`${path} is no whole number that Duet accepts: ${String(value)}`);
  }
  return value;
}

function mismatch(path: string, wanted: string, value: unknown): Error {
  const got = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  return invalid(`${path === "" ? "the body" : path} must be ${wanted}, not ${got}`);
}

/** `value` without its undefined members, so that what was absent stays absent. */
export function compact<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(
    Object.entries(value).filter(([, content]) => content !== undefined),
  ) as T;
}
