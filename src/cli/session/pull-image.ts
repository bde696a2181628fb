import { isDuetError, type DuetError } from "../../kit/errors.ts";
import type { Context } from "../command.ts";
import { registryAuth } from "../registry-auth.ts";
import { timingsLine } from "../pull-timings.ts";
import { ProgressDisplay } from "../terminal/progress.ts";

export interface PullOptions {
  readonly platform?: string | undefined;
  readonly quiet: boolean;
  readonly allTags?: boolean;
  readonly allPlatforms?: boolean;
  /** Tells what it took, also where it is quiet. */
  readonly timings?: boolean;
  /** Where progress goes: run uses standard error, pull standard output. */
  readonly to: "output" | "errors";
}

/** Pulls with a progress display. */
export async function pullImage(
  context: Context,
  reference: string,
  options: PullOptions,
): Promise<void> {
  const { terminal, signal } = context;
  const auth = await registryAuth(reference, signal);
  const stream = options.to === "errors" ? terminal.errors : terminal.output;
  using display = new ProgressDisplay(stream, terminal);
  const { platform, allTags = false, allPlatforms = false, timings = false } = options;
  const query = { platform, auth, allTags, allPlatforms, timings };
  for await (const event of context.duet().images.pull(reference, query, signal)) {
    if (!options.quiet) display.show(event);
    const line = timingsLine(event.aux);
    if (timings && line !== undefined) display.show({ status: line });
  }
}

/** True for the daemon's answer that the image is not here. */
export function isImageMissing(error: unknown): error is DuetError {
  return (
    isDuetError(error, "not-found") &&
    (error.code === "IMAGE_NOT_FOUND" || /no such image/i.test(error.message))
  );
}

/** `nginx` as `nginx:latest`, for messages. */
export function withTag(reference: string): string {
  const named = reference.includes("@") || reference.lastIndexOf(":") > reference.lastIndexOf("/");
  return named ? reference : `${reference}:latest`;
}
