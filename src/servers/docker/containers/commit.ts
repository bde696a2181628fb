import { containerConfig } from "../../../spec/docker/bodies.ts";
import type { IdAnswer } from "../../../spec/docker/exec.ts";
import type { Exchange } from "../exchange.ts";

/** `POST /commit`. */
export async function commitContainer(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  await exchange.read(containerConfig);
  const request = {
    repository: query.text("repo"),
    tag: query.text("tag"),
    comment: query.text("comment"),
    author: query.text("author"),
    pause: query.flag("pause", true),
    changes: query.all("changes"),
  };
  const answer: IdAnswer = {
    Id: await engine.containers.commit(query.text("container"), request, exchange.signal),
  };
  exchange.answer(201, answer);
}
