import type { ContainersPruneAnswer } from "../../../spec/docker/container.ts";
import type { Exchange } from "../exchange.ts";
import { keepByAgeAndLabels } from "../prune-filters.ts";

/** `POST /containers/prune`. */
export async function pruneContainers(exchange: Exchange): Promise<void> {
  const filters = exchange.query.filters();
  const keeps = keepByAgeAndLabels(filters);
  const { deleted, reclaimed } = await exchange.engine.containers.prune(
    (record) => keeps(record.createdAt, record.resolved.labels),
    exchange.signal,
  );
  const answer: ContainersPruneAnswer = {
    ContainersDeleted: deleted.length > 0 ? [...deleted] : null,
    SpaceReclaimed: reclaimed,
  };
  exchange.answer(200, answer);
}
