import type { Filters } from "../../client/api-types.ts";
import { usageError } from "../flags.ts";

/** `--filter name=value` words as the API takes them. Throws `invalid` for a word without `=`. */
export function filtersOf(words: readonly string[]): Filters {
  const filters: Record<string, string[]> = {};
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals <= 0)
      throw usageError(
        "BAD_FILTER",
        `invalid argument "${word}" for "-f, --filter" flag: bad format of filter (expected name=value)`,
      );
    const name = word.slice(0, equals).trim().toLowerCase();
    (filters[name] ??= []).push(word.slice(equals + 1).trim());
  }
  return filters;
}
