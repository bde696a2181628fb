import { isDuetError } from "../../../kit/errors.ts";
import type { BuildCacheRecord } from "../../../engine/build/build.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, withPrefix } from "../failures.ts";
import type { Filters } from "../filters.ts";
import type { Query } from "../query.ts";
import { parseMoment } from "../time.ts";

/** `POST /build/prune`: without `all`, what images need, too, stays. */
export async function pruneBuildCache(exchange: Exchange): Promise<void> {
  const { query, engine, signal } = exchange;
  const filters = filtersOf(query);
  const keepBytes = Math.max(
    query.integer("keep-storage") ?? 0,
    query.integer("reserved-space") ?? 0,
    query.integer("max-used-space") ?? 0,
  );
  const all = query.flag("all");
  const isWanted = filterOf(filters);
  const result = await engine.build.pruneCache(
    (record) => !isWanted(record) || (!all && record.shared),
    { keepBytes },
    signal,
  );
  const deleted = [...result.deleted];
  exchange.answer(200, {
    CachesDeleted: deleted.length === 0 ? null : deleted,
    SpaceReclaimed: result.reclaimed,
  });
}

function filtersOf(query: Query): Filters {
  try {
    return query.filters();
  } catch (error) {
    // Docker's router cannot read some; the builder refuses the others.
    const isUnread = isDuetError(error, "invalid") && error.message === "invalid filter";
    throw isUnread ? error : withPrefix("failed to prune build cache", error);
  }
}

function filterOf(filters: Filters): (record: BuildCacheRecord) => boolean {
  const untils = [...filters.get("until"), ...filters.get("unused-for")];
  if (untils.length > 1) throw invalid("more than one until filter specified");
  const [until] = untils;
  const oldest =
    until === undefined ? Number.POSITIVE_INFINITY : parseMoment(until, Number.POSITIVE_INFINITY);
  const isOneOf = (name: string, texts: readonly string[]): boolean => {
    const wanted = filters.get(name);
    return wanted.length === 0 || texts.some((text) => wanted.includes(text));
  };
  return (record) =>
    record.usedAt < oldest &&
    isOneOf("id", [record.id]) &&
    isOneOf("parent", record.parents) &&
    isOneOf("type", [record.kind]) &&
    isOneOf("description", [record.description]) &&
    isFlagged(filters, "inuse", record.inUse) &&
    isFlagged(filters, "shared", record.shared) &&
    isFlagged(filters, "private", !record.shared);
}

function isFlagged(filters: Filters, name: string, value: boolean): boolean {
  const [wanted] = filters.get(name);
  return wanted === undefined || (wanted === "" || /^(?:1|t|true)$/i.test(wanted)) === value;
}
