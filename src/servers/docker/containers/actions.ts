import { DuetError, isDuetError, prefixed } from "../../../kit/errors.ts";
import { containerUpdateBody } from "../../../spec/docker/bodies.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { changedResources, resourcesOf } from "./spec/resources.ts";
import { restartOf } from "./spec/lifecycle.ts";

/** Old clients send `{}` or `null` with a start, and the line's end. A body of unknown length is none of these. */
const longestEmptyBody = 7;

/** The use cases that change a container's state; each answers without a body. */
export async function startContainer(exchange: Exchange): Promise<void> {
  const { "content-length": length = 0, "transfer-encoding": coding } = exchange.headers;
  if (Number(length) > longestEmptyBody || coding !== undefined) {
    throw invalid(
      "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
    );
  }
  if (exchange.query.text("checkpoint") !== "") {
    throw invalid("checkpoint is only supported in experimental mode");
  }
  await exchange.engine.containers.start(exchange.parameter("id"), exchange.signal);
  exchange.empty(204);
}

export async function stopContainer(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const id = exchange.parameter("id");
  const signalName = query.text("signal") || null;
  try {
    await engine.containers.stop(id, query.integer("t"), signalName, exchange.signal);
  } catch (error) {
    if (isDuetError(error, "unchanged") || isDuetError(error, "not-found")) throw error;
    throw prefixed(`cannot stop container: ${id}`, error);
  }
  exchange.empty(204);
}

export async function restartContainer(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  await engine.containers.restart(
    exchange.parameter("id"),
    query.integer("t"),
    query.text("signal") || null,
    exchange.signal,
  );
  exchange.empty(204);
}

export async function killContainer(exchange: Exchange): Promise<void> {
  const id = exchange.parameter("id");
  const signalName = exchange.query.text("signal") || "SIGKILL";
  try {
    await exchange.engine.containers.kill(id, signalName, exchange.signal);
  } catch (error) {
    throw prefixed(`cannot kill container: ${id}`, error);
  }
  exchange.empty(204);
}

export async function pauseContainer(exchange: Exchange): Promise<void> {
  await exchange.engine.containers.pause(exchange.parameter("id"), exchange.signal);
  exchange.empty(204);
}

export async function resumeContainer(exchange: Exchange): Promise<void> {
  await exchange.engine.containers.resume(exchange.parameter("id"), exchange.signal);
  exchange.empty(204);
}

export async function renameContainer(exchange: Exchange): Promise<void> {
  const name = exchange.query.text("name");
  if (name === "") throw invalid("Neither old nor new names may be empty");
  await exchange.engine.containers.rename(exchange.parameter("id"), name, exchange.signal);
  exchange.empty(204);
}

export async function resizeContainer(exchange: Exchange): Promise<void> {
  const { rows, columns } = sizeOf(exchange);
  await exchange.engine.containers.resize(exchange.parameter("id"), rows, columns, exchange.signal);
  exchange.empty(200);
}

/** Rows and columns of a resize request. */
export function sizeOf(exchange: Exchange): { readonly rows: number; readonly columns: number } {
  const read = (name: string, what: string): number => {
    const text = exchange.query.text(name);
    if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
    const why = /^\d+$/.test(text) ? "value out of range" : "invalid syntax";
    throw invalid(`invalid resize ${what} ${JSON.stringify(text.slice(0, 40))}: ${why}`);
  };
  return { rows: read("h", "height"), columns: read("w", "width") };
}

/** `POST /containers/{id}/update`. */
export async function updateContainer(exchange: Exchange): Promise<void> {
  const { RestartPolicy: policy, ...given } = await exchange.read(containerUpdateBody);
  const { PidsLimit: _, ...older } = given;
  const body = exchange.apiVersion < 1040 ? older : given;
  resourcesOf(body);
  const { warnings } = await exchange.engine.containers.update(
    exchange.parameter("id"),
    changedResources(body),
    policy === undefined || (policy.Name ?? "") === "" ? null : restartOf(policy),
    exchange.signal,
  );
  exchange.answer(200, { Warnings: warnings.length > 0 ? warnings : null });
}

export async function removeContainer(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  if (query.flag("link")) {
    engine.containers.get(exchange.parameter("id"));
    const why = "Conflict, cannot remove the default link name of the container";
    throw new DuetError("unsupported", "REMOVE_LINK", why, { http: 500 });
  }
  const options = { force: query.flag("force"), volumes: query.flag("v") };
  await engine.containers.remove(exchange.parameter("id"), options, exchange.signal);
  exchange.empty(204);
}
