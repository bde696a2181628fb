import type { ContainerRecord } from "../../domain/container.ts";
import type { AttachedStreams, OutputChunk } from "../../domain/process.ts";
import { canceled } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { AttachOptions } from "../engine.ts";
import { DeferredStreams } from "./deferred-streams.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { readLogs } from "./logs.ts";

/**
 * The container's streams. For one that is not started yet they begin with its next run, and this
 * answers at once, so that a client can attach first and start then.
 */
export async function attachContainer(
  context: EngineContext,
  reference: string,
  options: AttachOptions,
  signal: AbortSignal,
): Promise<AttachedStreams> {
  const record = findContainer(context, reference);
  if (record.state === "paused") {
    throw new DuetError(
      "conflict",
      "CONTAINER_STATE",
      `container ${record.id} is paused, unpause the container before attach`,
    );
  }
  const streams = options.stream
    ? await liveStreams(context, record, options, signal)
    : endedStreams;
  publishContainerEvent(context, record, "attach");
  return shaped(context, record, options, streams, signal);
}

const endedStreams: AttachedStreams = {
  output: (async function* () {})(),
  write: async () => undefined,
  closeInput: async () => undefined,
  detach: () => undefined,
};

async function liveStreams(
  context: EngineContext,
  record: ContainerRecord,
  options: AttachOptions,
  signal: AbortSignal,
): Promise<AttachedStreams> {
  const stdin = options.stdin && record.spec.process.openStdin;
  const workload = context.live.get(record.id);
  if (workload !== undefined) return await workload.attach({ stdin }, signal);
  const controller = new AbortController();
  const coming = context.live.attachToNextRun(
    record.id,
    stdin,
    AbortSignal.any([signal, controller.signal]),
  );
  return new DeferredStreams(coming, (reason) => controller.abort(canceled(reason)));
}

/** What this client asked of the streams: which outputs, earlier lines first, whether its end of input counts. */
function shaped(
  context: EngineContext,
  record: ContainerRecord,
  options: AttachOptions,
  streams: AttachedStreams,
  signal: AbortSignal,
): AttachedStreams {
  const { process } = record.spec;
  const passes = (chunk: OutputChunk): boolean =>
    chunk.stream === "stdout" ? options.stdout : options.stderr;
  async function* output(): AsyncGenerator<OutputChunk> {
    if (options.logs) {
      const wanted = {
        stdout: options.stdout,
        stderr: options.stderr,
        follow: false,
        since: 0n,
        until: 0n,
        tail: -1,
      };
      for await (const lines of readLogs(context, record.id, wanted, signal)) yield* lines;
    }
    for await (const chunk of streams.output) if (passes(chunk)) yield chunk;
  }
  const acceptsInput = options.stdin && process.openStdin;
  return {
    output: output(),
    write: async (data) => (acceptsInput ? await streams.write(data) : undefined),
    // The process sees the end of its input only where stdin belongs to one client (StdinOnce).
    closeInput: async () =>
      acceptsInput && process.stdinOnce ? await streams.closeInput() : undefined,
    detach: () => streams.detach(),
  };
}

export async function resizeTerminal(
  context: EngineContext,
  reference: string,
  rows: number,
  columns: number,
  signal: AbortSignal,
): Promise<void> {
  const record = findContainer(context, reference);
  await context.live.demand(record.id).resize(rows, columns, signal);
  const size = { height: String(rows), width: String(columns) };
  publishContainerEvent(context, record, "resize", size);
}

/** A client has left by its detach keys. */
export function noteDetached(context: EngineContext, id: string): void {
  const record = context.store.containers.get(id);
  if (record !== undefined) publishContainerEvent(context, record, "detach");
}
