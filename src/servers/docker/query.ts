import type { QueryRules } from "../../spec/docker/queries.ts";
import { invalid } from "./failures.ts";
import { parseFilters, type Filters } from "./filters.ts";

/** The query of a request, each value percent-decoded exactly once. */
export class Query {
  private readonly values: URLSearchParams;
  private readonly rules: QueryRules;

  /**
   * `text` is what follows the question mark; parameters that `apiVersion` does not have are as if
   * absent. Throws `invalid` on broken escapes and NUL bytes.
   */
  constructor(text: string, rules: QueryRules, apiVersion: number) {
    if (/%(?![0-9a-fA-F]{2})/.test(text)) throw invalid("the query holds a broken percent escape");
    if (/%00/.test(text)) throw invalid("the query holds a NUL byte");
    this.values = new URLSearchParams(text);
    this.rules = rules;
    for (const [name, since] of Object.entries(rules.since ?? {})) {
      if (apiVersion < since) this.values.delete(name);
    }
    for (const [name, until] of Object.entries(rules.until ?? {})) {
      if (apiVersion > until) this.values.delete(name);
    }
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** "" where absent. */
  text(name: string): string {
    return this.values.get(name) ?? "";
  }

  all(name: string): readonly string[] {
    return this.values.getAll(name);
  }

  /** Docker's BoolValue: anything but "", 0, no, false and none is true. */
  flag(name: string, otherwise = false): boolean {
    const value = this.values.get(name);
    if (value === null) return otherwise;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** null where absent or empty. */
  integer(name: string): number | null {
    const value = this.text(name);
    if (value === "") return null;
    const number = /^[+-]?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!Number.isSafeInteger(number)) {
      const why = /^[+-]?\d+$/.test(value) ? "value out of range" : "invalid syntax";
      throw invalid(`strconv.Atoi: parsing ${JSON.stringify(value.slice(0, 40))}: ${why}`);
    }
    return number;
  }

  /** Throws `invalid` on a filter that the request may not have. */
  filters(): Filters {
    const filters = parseFilters(this.text("filters"));
    const accepted = this.rules.filters;
    if (accepted === undefined) return filters;
    for (const name of filters.names()) {
      if (!accepted.includes(name)) throw invalid(`invalid filter '${name.slice(0, 80)}'`);
    }
    return filters;
  }
}
