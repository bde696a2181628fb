import type { BuildEvent } from "../../../domain/build/event.ts";
import type { SourceRange } from "../../../domain/build/source-range.ts";
import type { statusResponse } from "../../../spec/buildkit/control.ts";
import type { ValueOfMessage } from "../../../spec/protobuf.ts";
import type { Sparse } from "../../../kit/grpc/encode.ts";

type StatusMessage = Sparse<ValueOfMessage<typeof statusResponse>>;

/** The Dockerfile of a build, for excerpts. */
export interface Source {
  readonly name: string;
  readonly content: Buffer;
}

/** Events as BuildKit's status stream has them. */
export function statusMessage(events: readonly BuildEvent[], source: Source | null): StatusMessage {
  const of = <K extends BuildEvent["kind"]>(kind: K) =>
    events.filter((event): event is Extract<BuildEvent, { kind: K }> => event.kind === kind);
  return {
    vertexes: of("vertex").map((event) => ({
      digest: event.vertex,
      inputs: event.inputs,
      name: event.name,
      cached: event.cached,
      started: timestamp(event.startedAt),
      completed: timestamp(event.completedAt),
      error: event.error,
    })),
    statuses: of("status").map((event) => ({
      id: event.id,
      vertex: event.vertex,
      current: event.current,
      total: event.total,
      timestamp: timestamp(Date.now()),
      started: timestamp(event.startedAt),
      completed: timestamp(event.completedAt),
    })),
    logs: of("log").map((event) => ({
      vertex: event.vertex,
      timestamp: timestamp(event.at),
      stream: event.stream === "stdout" ? 1 : 2,
      message: Buffer.from(event.data),
    })),
    warnings: of("warning").map((event) => ({
      vertex: event.vertex,
      level: event.level,
      short: Buffer.from(event.short),
      detail: event.detail.map((line) => Buffer.from(line)),
      url: event.url,
      info:
        source === null
          ? undefined
          : { filename: source.name, data: source.content, language: "Dockerfile" },
      // BuildKit names each line of an instruction by itself.
      ranges: event.ranges.flatMap(linesOf).map(rangeMessage),
    })),
  };
}

function linesOf({ first, last }: SourceRange): readonly SourceRange[] {
  const count = Math.min(last - first + 1, mostLines);
  return Array.from({ length: count }, (_, at) => ({ first: first + at, last: first + at }));
}

const mostLines = 1_000;

export function rangeMessage({ first, last }: SourceRange): {
  readonly start: { readonly line: number };
  readonly end: { readonly line: number };
} {
  return { start: { line: first }, end: { line: last } };
}

/** Milliseconds since the epoch as google.protobuf.Timestamp; null stays away. */
export function timestamp(
  milliseconds: number | null,
): { readonly seconds: number; readonly nanos: number } | undefined {
  if (milliseconds === null) return undefined;
  const seconds = Math.floor(milliseconds / 1_000);
  return { seconds, nanos: Math.round((milliseconds - seconds * 1_000) * 1_000_000) };
}
