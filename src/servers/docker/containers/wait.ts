import { toDuetError } from "../../../kit/errors.ts";
import type { ContainerWaitAnswer } from "../../../spec/docker/container.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";

const conditions = ["not-running", "next-exit", "removed"] as const;

/**
 * `POST /containers/{id}/wait`. The head goes out as soon as the wait is registered: a client that
 * has read it may start the container and cannot miss its end.
 */
export async function waitContainer(exchange: Exchange): Promise<void> {
  const { engine, signal } = exchange;
  const word = exchange.query.text("condition") || "not-running";
  const condition = conditions.find((known) => known === word);
  if (condition === undefined)
    throw invalid(`invalid condition: ${JSON.stringify(word.slice(0, 40))}`);
  const ready = (): void => {
    if (exchange.apiVersion >= 1030) exchange.begin("application/json");
  };
  try {
    const exit = await engine.containers.wait(exchange.parameter("id"), condition, ready, signal);
    // Error is for a wait that failed: clients of a start that failed hear of that from start itself.
    finish(exchange, { StatusCode: exit.code });
  } catch (error) {
    if (!exchange.isStarted || signal.aborted) throw error;
    finish(exchange, { StatusCode: 125, Error: { Message: toDuetError(error).message } });
  }
}

function finish(exchange: Exchange, answer: ContainerWaitAnswer): void {
  if (!exchange.isStarted) {
    exchange.answer(200, answer);
    return;
  }
  exchange.push(`${JSON.stringify(answer)}\n`);
  exchange.end();
}
