import type { ContainerRecord } from "../../../domain/container.ts";
import type { Exchange } from "../exchange.ts";
import type { Filters } from "../filters.ts";
import { containerTest } from "./list-filter.ts";
import { isRunning } from "./state.ts";
import { ContainerLister } from "./summary.ts";

/** `GET /containers/json`: newest first. */
export async function listContainers(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const filters = query.filters();
  const limit = Math.max(0, query.integer("limit") ?? 0);
  const test = containerTest(engine, filters);
  const isWhole = query.flag("all") || limit > 0 || filters.has("status");
  const chosen = between(exchange, filters)
    .filter((record) => (isWhole || isRunning(record)) && test(record))
    .slice(0, limit > 0 ? limit : undefined);
  const lister = new ContainerLister(engine, exchange.apiVersion);
  if (!query.flag("size")) {
    exchange.answer(
      200,
      chosen.map((record) => lister.summarise(record, null)),
    );
    return;
  }
  const sized = [];
  for (const record of chosen) {
    sized.push(lister.summarise(record, await engine.containers.size(record.id, exchange.signal)));
  }
  exchange.answer(200, sized);
}

/** All records, newest first, made before and after the containers that the filters name. */
function between(exchange: Exchange, filters: Filters): ContainerRecord[] {
  const { containers } = exchange.engine;
  const boundary = (name: string): ContainerRecord | undefined => {
    const reference = filters.get(name)[0] ?? "";
    return reference === "" ? undefined : containers.get(reference);
  };
  const before = boundary("before");
  const since = boundary("since");
  const sorted = containers.list().toSorted((left, right) => right.createdAt - left.createdAt);
  const position = (record: ContainerRecord): number =>
    sorted.findIndex((other) => other.id === record.id);
  return sorted.slice(
    before === undefined ? 0 : position(before) + 1,
    since === undefined ? undefined : position(since),
  );
}
