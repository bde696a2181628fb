import type { ContainerChange, ContainerTopAnswer } from "../../../spec/docker/container.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";

/** `GET /containers/{id}/top`. */
export async function listProcesses(exchange: Exchange): Promise<void> {
  const words = (exchange.query.text("ps_args") || "-ef")
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length > 64) throw invalid("ps_args has too many words");
  const list = await exchange.engine.containers.top(
    exchange.parameter("id"),
    words,
    exchange.signal,
  );
  const answer: ContainerTopAnswer = {
    Titles: [...list.titles],
    Processes: list.rows.map((row) => [...row]),
  };
  exchange.answer(200, answer);
}

const kinds = { modified: 0, added: 1, deleted: 2 } as const;

/** `GET /containers/{id}/changes`. Names that are no UTF-8 lose their bytes here, as in Docker's JSON. */
export async function listChanges(exchange: Exchange): Promise<void> {
  const entries = await exchange.engine.containers.changes(
    exchange.parameter("id"),
    exchange.signal,
  );
  const answer = entries.map((entry): ContainerChange => ({
    Path: entry.path.toString("utf8"),
    Kind: kinds[entry.kind],
  }));
  exchange.answer(200, answer.length > 0 ? answer : null);
}
