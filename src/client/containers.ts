import type {
  ContainerChange,
  ContainerInspect,
  ContainerSummary,
  ContainerCreateAnswer,
  ContainerCreateBody,
  Filters,
  ContainerPathStat,
  ContainersPruneAnswer,
  StatsBody,
  ContainerTopAnswer,
  ContainerUpdateBody,
  ContainerWaitAnswer,
} from "./api-types.ts";
import { Attachment, outputIsPlain } from "./attachment.ts";
import { Container } from "./container.ts";
import { createBodyOf, type ContainerOptions } from "./container-options.ts";
import { filtersQuery } from "./filters.ts";
import { readJsonLines } from "./json-lines.ts";
import { demultiplex, plainOutput, type OutputPiece } from "./output-frames.ts";
import { readPathStat } from "./path-stat.ts";
import type { AttachQuery, LogsQuery, StopQuery, WaitCondition } from "./queries.ts";
import { pathOf, type Transport } from "./transport.ts";
import { withSignal } from "./with-signal.ts";

/** `/containers` of the API. `reference` is an id, an id's beginning or a name everywhere. */
export class Containers {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** A handle; nothing is asked yet. */
  get(reference: string): Container {
    return new Container(this, this.transport, reference);
  }

  async list(
    query: {
      readonly all?: boolean;
      readonly limit?: number;
      readonly size?: boolean;
      readonly filters?: Filters;
    } = {},
    signal?: AbortSignal,
  ): Promise<readonly ContainerSummary[]> {
    const { all, limit, size, filters } = query;
    return await this.transport.json({
      method: "GET",
      path: "/containers/json",
      query: { all, limit, size, filters: filtersQuery(filters) },
      ...withSignal(signal),
    });
  }

  /** Makes a container from options in this SDK's words. Throws `not-found` when the image is not here. */
  async create(options: ContainerOptions, signal?: AbortSignal): Promise<Container> {
    const { name, platform } = options;
    const answer = await this.createFrom(createBodyOf(options), { name, platform }, signal);
    return this.get(answer.Id);
  }

  /** Makes a container from a body in Docker's words. */
  async createFrom(
    body: ContainerCreateBody,
    query: { readonly name?: string | undefined; readonly platform?: string | undefined } = {},
    signal?: AbortSignal,
  ): Promise<ContainerCreateAnswer> {
    const path = "/containers/create";
    return await this.transport.json({
      method: "POST",
      path,
      query,
      json: body,
      ...withSignal(signal),
    });
  }

  /** Creates and starts: `await using web = await duet.containers.run({image: "nginx", isolation: "vm"})`. */
  async run(options: ContainerOptions, signal?: AbortSignal): Promise<Container> {
    // Not cut short: a create whose answer is lost would leave a container that nobody knows.
    const container = await this.create(options);
    try {
      signal?.throwIfAborted();
      await this.start(container.id, {}, signal);
    } catch (error) {
      await this.remove(container.id, { force: true, volumes: true }).catch(() => undefined);
      throw error;
    }
    return container;
  }

  async inspect(reference: string, size = false, signal?: AbortSignal): Promise<ContainerInspect> {
    const path = `${pathOf("containers", reference)}/json`;
    return await this.transport.json({
      method: "GET",
      path,
      query: { size },
      ...withSignal(signal),
    });
  }

  async start(
    reference: string,
    query: { readonly detachKeys?: string } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    await this.post(reference, "start", query, signal);
  }

  /** `timeout` in seconds. */
  async stop(reference: string, query: StopQuery = {}, signal?: AbortSignal): Promise<void> {
    await this.post(reference, "stop", { t: query.timeout, signal: query.signal }, signal);
  }

  async restart(reference: string, query: StopQuery = {}, signal?: AbortSignal): Promise<void> {
    await this.post(reference, "restart", { t: query.timeout, signal: query.signal }, signal);
  }

  async kill(reference: string, signalName?: string, signal?: AbortSignal): Promise<void> {
    await this.post(reference, "kill", { signal: signalName }, signal);
  }

  async pause(reference: string, signal?: AbortSignal): Promise<void> {
    await this.post(reference, "pause", {}, signal);
  }

  async unpause(reference: string, signal?: AbortSignal): Promise<void> {
    await this.post(reference, "unpause", {}, signal);
  }

  async rename(reference: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.post(reference, "rename", { name }, signal);
  }

  async resize(
    reference: string,
    rows: number,
    columns: number,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.post(reference, "resize", { h: rows, w: columns }, signal);
  }

  async update(
    reference: string,
    body: ContainerUpdateBody,
    signal?: AbortSignal,
  ): Promise<{ readonly Warnings?: readonly string[] | null }> {
    const path = `${pathOf("containers", reference)}/update`;
    return await this.transport.json({ method: "POST", path, json: body, ...withSignal(signal) });
  }

  async remove(
    reference: string,
    query: { readonly force?: boolean; readonly volumes?: boolean; readonly link?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const { force, volumes: v, link } = query;
    await this.transport.done({
      method: "DELETE",
      path: pathOf("containers", reference),
      query: { force, v, link },
      ...withSignal(signal),
    });
  }

  /**
   * Registers the wait before it resolves; `exit` settles when the condition holds. So nothing that
   * happens after `await wait()` is missed.
   */
  async wait(
    reference: string,
    condition: WaitCondition = "not-running",
    signal?: AbortSignal,
  ): Promise<{ readonly exit: Promise<ContainerWaitAnswer> }> {
    const path = `${pathOf("containers", reference)}/wait`;
    const answer = await this.transport.send({
      method: "POST",
      path,
      query: { condition },
      ...withSignal(signal),
    });
    const exit = firstValue<ContainerWaitAnswer>(answer.body);
    exit.catch(() => undefined);
    return { exit };
  }

  async attach(reference: string, query: AttachQuery, signal?: AbortSignal): Promise<Attachment> {
    const path = `${pathOf("containers", reference)}/attach`;
    const hijacked = await this.transport.hijack({
      method: "POST",
      path,
      query: { ...query },
      ...withSignal(signal),
    });
    return new Attachment(hijacked);
  }

  async *logs(
    reference: string,
    query: LogsQuery,
    signal?: AbortSignal,
  ): AsyncGenerator<OutputPiece, void, undefined> {
    const path = `${pathOf("containers", reference)}/logs`;
    const answer = await this.transport.send({
      method: "GET",
      path,
      query: { ...query },
      ...withSignal(signal),
    });
    yield* outputIsPlain(answer) ? plainOutput(answer.body) : demultiplex(answer.body);
  }

  async *stats(
    reference: string,
    query: { readonly stream?: boolean; readonly oneShot?: boolean } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<StatsBody, void, undefined> {
    const path = `${pathOf("containers", reference)}/stats`;
    const { stream, oneShot } = query;
    yield* readJsonLines<StatsBody>(
      this.transport.bytes({
        method: "GET",
        path,
        query: { stream, "one-shot": oneShot },
        ...withSignal(signal),
      }),
    );
  }

  async top(
    reference: string,
    psArguments?: string,
    signal?: AbortSignal,
  ): Promise<ContainerTopAnswer> {
    const path = `${pathOf("containers", reference)}/top`;
    return await this.transport.json({
      method: "GET",
      path,
      query: { ps_args: psArguments },
      ...withSignal(signal),
    });
  }

  async changes(reference: string, signal?: AbortSignal): Promise<readonly ContainerChange[]> {
    const path = `${pathOf("containers", reference)}/changes`;
    return (
      (await this.transport.json<readonly ContainerChange[] | null>({
        method: "GET",
        path,
        ...withSignal(signal),
      })) ?? []
    );
  }

  /** The whole file system as a tar. */
  export(reference: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    const path = `${pathOf("containers", reference)}/export`;
    return this.transport.bytes({ method: "GET", path, ...withSignal(signal) });
  }

  async statPath(
    reference: string,
    path: string,
    signal?: AbortSignal,
  ): Promise<ContainerPathStat> {
    const answer = await this.transport.send({
      method: "HEAD",
      path: `${pathOf("containers", reference)}/archive`,
      query: { path },
      ...withSignal(signal),
    });
    for await (const _ of answer.body);
    return readPathStat(answer.headers);
  }

  async archive(
    reference: string,
    path: string,
    signal?: AbortSignal,
  ): Promise<{
    readonly stat: ContainerPathStat;
    readonly body: AsyncGenerator<Buffer, void, undefined>;
  }> {
    const answer = await this.transport.send({
      method: "GET",
      path: `${pathOf("containers", reference)}/archive`,
      query: { path },
      ...withSignal(signal),
    });
    return { stat: readPathStat(answer.headers), body: answer.body };
  }

  async extract(
    reference: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    query: { readonly noOverwriteDirNonDir?: boolean; readonly copyUIDGID?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    await this.transport.done({
      method: "PUT",
      path: `${pathOf("containers", reference)}/archive`,
      query: { path, ...query },
      headers: { "Content-Type": "application/x-tar" },
      body: tar,
      ...withSignal(signal),
    });
  }

  async commit(
    reference: string,
    query: {
      readonly repo?: string;
      readonly tag?: string;
      readonly comment?: string;
      readonly author?: string;
      readonly pause?: boolean;
      readonly changes?: readonly string[];
    },
    signal?: AbortSignal,
  ): Promise<{ readonly Id: string }> {
    return await this.transport.json({
      method: "POST",
      path: "/commit",
      query: { container: reference, ...query },
      json: {},
      ...withSignal(signal),
    });
  }

  async prune(filters?: Filters, signal?: AbortSignal): Promise<ContainersPruneAnswer> {
    const query = { filters: filtersQuery(filters) };
    return await this.transport.json({
      method: "POST",
      path: "/containers/prune",
      query,
      ...withSignal(signal),
    });
  }

  private async post(
    reference: string,
    verb: string,
    query: Readonly<Record<string, string | number | undefined>>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const path = `${pathOf("containers", reference)}/${verb}`;
    await this.transport.done({ method: "POST", path, query, ...withSignal(signal) });
  }
}

async function firstValue<T>(body: AsyncGenerator<Buffer, void, undefined>): Promise<T> {
  for await (const value of readJsonLines<T>(body)) return value;
  throw new TypeError("the daemon ended the wait without an answer");
}
