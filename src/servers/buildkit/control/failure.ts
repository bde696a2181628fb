import { DockerfileError } from "../../../domain/build/dockerfile-error.ts";
import type { SourceRange } from "../../../domain/build/source-range.ts";
import type { Digest } from "../../../domain/digest.ts";
import { StepFailure } from "../../../domain/build/step-failure.ts";
import { toDuetError } from "../../../kit/errors.ts";
import type { Any } from "../../../spec/buildkit/google.ts";
import { codes, StatusError, type Status } from "../../../kit/grpc/status.ts";
import { rangeMessage, type Source } from "./status-message.ts";

/**
 * A build's failure as BuildKit's clients show it: the code for anything, since they write others before the
 * message, and in the details the lines of the Dockerfile, of which they print an excerpt.
 */
export function buildFailure(thrown: unknown, source: Source | null): StatusError {
  if (thrown instanceof StatusError) return thrown;
  const error = toDuetError(thrown);
  const message = error.hint === undefined ? error.message : `${error.message}\n${error.hint}`;
  if (error.class === "canceled") return new StatusError(codes.canceled, message);
  const details: Any[] = [];
  const ranges = rangesOf(error);
  if (source !== null && ranges.length > 0) {
    const info = {
      filename: source.name,
      data: source.content.toString("base64"),
      language: "Dockerfile",
    };
    details.push(detail("errdefs.Source", { info, ranges: ranges.map(rangeMessage) }));
  }
  if (error instanceof StepFailure && error.exitCode !== null) {
    details.push(detail("gatewayapi.ExitMessage", { Code: error.exitCode }));
  }
  return new StatusError(codes.unknown, message, details);
}

/** What a build's record has of its failure: the step as well, of which clients then show the output. */
export function recordedFailure(failure: Status, vertex: Digest | null): Status {
  if (vertex === null) return failure;
  return {
    ...failure,
    details: [...failure.details, detail("errdefs.Vertex", { digest: vertex })],
  };
}

function rangesOf(error: unknown): readonly SourceRange[] {
  if (error instanceof DockerfileError) return error.ranges;
  if (error instanceof StepFailure) return [error.range];
  return [];
}

function detail(type: string, value: unknown): Any {
  return {
    typeUrl: `github.com/moby/buildkit/${type}+json`,
    value: Buffer.from(JSON.stringify(value)),
  };
}

export function failureStatus(thrown: unknown, source: Source | null): Status {
  return buildFailure(thrown, source).status;
}
