import type { ImageProcess } from "../../../domain/image.ts";
import { containerConfig } from "../../../spec/docker/bodies.ts";
import type { ContainerConfig } from "../../../spec/docker/container.ts";
import type { IdAnswer } from "../../../spec/docker/exec.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";

/** `POST /commit`. */
export async function commitContainer(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const config = await exchange.read(containerConfig);
  const container = query.text("container");
  if (container === "") throw invalid('invalid name or ID supplied: ""');
  const request = {
    repository: query.text("repo"),
    tag: query.text("tag"),
    comment: query.text("comment"),
    author: query.text("author"),
    pause: query.flag("pause", true),
    changes: query.all("changes"),
    process: processOf(config),
  };
  const answer: IdAnswer = {
    Id: await engine.containers.commit(container, request, exchange.signal),
  };
  exchange.answer(201, answer);
}

/** The fields that are set; what is empty is left to the container's own. */
function processOf(config: ContainerConfig): Partial<ImageProcess> {
  const { Cmd, Entrypoint, Env, ExposedPorts, Labels, StopSignal, User, Volumes, WorkingDir } =
    config;
  return {
    ...(Cmd?.length ? { command: Cmd } : {}),
    ...(Entrypoint?.length ? { entrypoint: Entrypoint } : {}),
    ...(Env?.length ? { env: Env } : {}),
    ...(ExposedPorts ? { exposedPorts: Object.keys(ExposedPorts) } : {}),
    ...(Labels ? { labels: Labels } : {}),
    ...(StopSignal ? { stopSignal: StopSignal } : {}),
    ...(User ? { user: User } : {}),
    ...(Volumes ? { volumes: Object.keys(Volumes) } : {}),
    ...(WorkingDir ? { workingDirectory: WorkingDir } : {}),
  };
}
