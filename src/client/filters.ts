import type { Filters } from "./api-types.ts";

/** Docker's `filters` query: JSON of name → list of values; undefined when there is none. */
export function filtersQuery(filters: Filters | undefined): string | undefined {
  return filters === undefined || Object.keys(filters).length === 0
    ? undefined
    : JSON.stringify(filters);
}
