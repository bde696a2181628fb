import type { DuetError } from "../../kit/errors.ts";
import type { JsonValue } from "../../kit/strict-json.ts";
import { linearPattern } from "../../kit/patterns/linear-pattern.ts";
import { invalid } from "./failures.ts";
import { parseBoundedJson } from "./strict-json.ts";

/** Values per filter name, with the matching rules of Docker's api/types/filters. */
export class Filters {
  private readonly fields: ReadonlyMap<string, readonly string[]>;
  private readonly patterns = new Map<string, (text: string) => boolean>();

  constructor(fields: ReadonlyMap<string, readonly string[]>) {
    this.fields = fields;
  }

  /** These and one more value. */
  and(name: string, value: string): Filters {
    return new Filters(new Map([...this.fields, [name, [...this.get(name), value]]]));
  }

  names(): Iterable<string> {
    return this.fields.keys();
  }

  get(name: string): readonly string[] {
    return this.fields.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.get(name).length > 0;
  }

  get isEmpty(): boolean {
    return this.fields.size === 0;
  }

  /** True without such a filter. */
  exact(name: string, value: string): boolean {
    return !this.has(name) || this.get(name).includes(value);
  }

  /** Exact, or one of the values as a prefix. */
  prefix(name: string, value: string): boolean {
    return !this.has(name) || this.get(name).some((wanted) => value.startsWith(wanted));
  }

  /** Exact, or one of the values as a regular expression that matches somewhere. */
  pattern(name: string, value: string): boolean {
    if (this.exact(name, value)) return true;
    return this.get(name).some((wanted) => this.compiled(wanted)(value));
  }

  private compiled(wanted: string): (text: string) => boolean {
    const known = this.patterns.get(wanted);
    if (known !== undefined) return known;
    const made = linearPattern(wanted);
    this.patterns.set(wanted, made);
    return made;
  }

  /** All values `key` or `key=value` hold in `labels`. */
  labels(name: string, labels: Readonly<Record<string, string>>): boolean {
    return this.get(name).every((wanted) => hasLabel(labels, wanted));
  }

  /** True, false, or null without such a filter. Throws `invalid` on another value. */
  flag(name: string): boolean | null {
    const values = this.get(name);
    if (values.length === 0) return null;
    if (values.every((value) => value === "true" || value === "1")) return true;
    if (values.every((value) => value === "false" || value === "0")) return false;
    throw invalid(`invalid filter '${name}=[${values.join(" ").slice(0, 80)}]'`);
  }
}

export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  if (!Object.hasOwn(labels, key)) return false;
  return equals < 0 || labels[key] === wanted.slice(equals + 1);
}

/**
 * Reads both forms: `{"name":{"value":true}}` and the older `{"name":["value"]}`. Throws `invalid` on
 * anything else.
 */
export function parseFilters(text: string): Filters {
  if (text === "") return new Filters(new Map());
  const parsed = parsedFilters(text) ?? {};
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw unreadable();
  return new Filters(
    new Map(Object.entries(parsed).map(([name, values]) => [name, valuesOf(values)])),
  );
}

function parsedFilters(text: string): JsonValue {
  try {
    return parseBoundedJson(text);
  } catch {
    throw unreadable();
  }
}

function valuesOf(values: JsonValue): readonly string[] {
  if (values === null) return [];
  if (typeof values !== "object") throw unreadable();
  const names = Array.isArray(values)
    ? values.map((value) => (typeof value === "string" ? value : null))
    : Object.entries(values)
        .filter(([, isWanted]) => isWanted !== false)
        .map(([value, isWanted]) => (isWanted === true ? value : null));
  return names.map((name) => {
    if (name === null || name.includes("\0")) throw unreadable();
    return name;
  });
}

function unreadable(): DuetError {
  return invalid("invalid filter");
}
