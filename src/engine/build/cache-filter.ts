import { isDuetError, DuetError } from "../../kit/errors.ts";
import { fieldFilter } from "../../kit/patterns/field-filter.ts";
import type { BuildCacheRecord } from "./build.ts";

/**
 * Whether a record passes one of BuildKit's filters, each such as `type==regular,description~=COPY`; all where there are
 * none. Fields: id, parents, type, description, and inuse, mutable, immutable, shared, private, which are there or not.
 * Others are there for no record, as in BuildKit. `purpose` is a word for messages. Throws `invalid` FILTER_INVALID.
 */
export function cacheFilter(
  texts: readonly string[],
  purpose: string,
): (record: BuildCacheRecord) => boolean {
  try {
    const matches = fieldFilter(texts);
    return (record) => matches(([name = ""]) => fieldOf(record, name));
  } catch (error) {
    if (!isDuetError(error, "invalid")) throw error;
    const why = `failed to parse ${purpose} filters [${texts.join(" ")}]: ${error.message}`;
    throw new DuetError("invalid", "FILTER_INVALID", `${why}: invalid argument`);
  }
}

function fieldOf(record: BuildCacheRecord, name: string): string | null {
  const there = (is: boolean): string | null => (is ? "" : null);
  switch (name) {
    case "id":
      return record.id;
    case "parents":
      return record.parents.length === 0 ? null : record.parents.join(";");
    case "type":
      return record.kind;
    case "description":
      return record.description === "" ? null : record.description;
    case "inuse":
      return there(record.inUse);
    case "mutable":
      return there(record.isMutable);
    case "immutable":
      return there(!record.isMutable);
    case "shared":
      return there(record.shared);
    case "private":
      return there(!record.shared);
    default:
      return null;
  }
}
