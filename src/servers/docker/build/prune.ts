import type { CachePrune } from "../../../engine/build/build.ts";
import { isDuetError, prefixed } from "../../../kit/errors.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import type { Filters } from "../filters.ts";
import type { Query } from "../query.ts";
import { parseMoment } from "../time.ts";

/** `POST /build/prune`: without `all`, what images need, too, stays. */
export async function pruneBuildCache(exchange: Exchange): Promise<void> {
  const { query, engine, signal } = exchange;
  const kept = bytesOf(query, "keep-storage");
  const request = {
    reservedSpace: bytesOf(query, "reserved-space") ?? kept ?? 0,
    maximumUsedSpace: bytesOf(query, "max-used-space") ?? 0,
    minimumFreeSpace: bytesOf(query, "min-free-space") ?? 0,
    all: query.flag("all"),
  };
  const { deleted, reclaimed } = await withDockersWords(async () => {
    const selection = selectionOf(query.filters());
    return await engine.build.pruneCache({ ...request, ...selection }, signal);
  });
  exchange.answer(200, {
    CachesDeleted: deleted.length === 0 ? null : deleted.map(({ id }) => id),
    SpaceReclaimed: reclaimed,
  });
}

function bytesOf(query: Query, name: string): number | null {
  try {
    return query.integer(name);
  } catch (error) {
    const text = query.text(name).slice(0, 40);
    throw prefixed(`${name} is in bytes and expects an integer, got ${text}`, error);
  }
}

async function withDockersWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Docker's router cannot read some filters; the builder refuses the others.
    const isBuilders = isDuetError(error, "invalid") && error.message !== "invalid filter";
    throw isBuilders ? prefixed("failed to prune build cache", error) : error;
  }
}

/** Those of BuildKit's filters that Docker's API has. */
const cacheFields = ["id", "parent", "type", "description", "inuse", "shared", "private"] as const;

function selectionOf(filters: Filters): Pick<CachePrune, "filters" | "unusedFor"> {
  if (filters.has("until") && filters.has("unused-for"))
    throw invalid('conflicting filters: "until" and "unused-for"');
  const untils = [...filters.get("until"), ...filters.get("unused-for")];
  const known = new Set(filters.names());
  const selectors = cacheFields.flatMap((field) => {
    if (!known.has(field)) return [];
    const values = filters.get(field);
    if (values.length > 1) throw invalid("filters expect only one value");
    if (values.length === 0) return [field];
    return [`${field}${field === "id" ? "~=" : "=="}${values[0]}`];
  });
  if (untils.length > 1) throw invalid("filters expect only one value");
  const [until] = untils;
  const unusedFor = until === undefined ? null : Date.now() - parseMoment(until, Date.now());
  return { filters: [selectors.join(",")], unusedFor };
}
