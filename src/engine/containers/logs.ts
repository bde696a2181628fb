import type { LogLine, LogOptions } from "../../domain/log-line.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { findContainer } from "./find.ts";
import { isReadable, logPathOf } from "./log-settings.ts";
import { stateDirectoryOf } from "./workload-spec.ts";

/** Lines that the container has written, some at a time; with `follow` until its present run has ended. */
export async function* readLogs(
  context: EngineContext,
  reference: string,
  options: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  const record = findContainer(context, reference);
  const path = logPathOf(record.spec.logging, stateDirectoryOf(context, record.id));
  if (path === null || !isReadable(record.spec.logging)) {
    throw new DuetError(
      "unsupported",
      "LOG_DRIVER",
      "configured logging driver does not support reading",
      {
        subject: `container ${record.name}`,
      },
    );
  }
  const isLive =
    context.live.get(record.id) !== undefined ||
    record.state === "starting" ||
    record.state === "restarting";
  const ended = isLive
    ? context.live.waitFor(record.id, "exit", signal).then(
        () => undefined,
        () => undefined,
      )
    : Promise.resolve();
  yield* context.logs.read(path, options, ended, signal);
}
