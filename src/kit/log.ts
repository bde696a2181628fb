/** A log event is data: a name, a severity and fields. Only a sink formats it. */
export interface LogEvent {
  readonly time: number;
  readonly level: "debug" | "info" | "warn" | "error";
  /** The part that speaks, such as `network` or `runtime-qemu`. */
  readonly part: string;
  /** What happened, a stable kebab-case name such as `shim-lost`. */
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type LogSink = (event: LogEvent) => void;

export interface Log {
  debug(event: string, fields?: Record<string, unknown>): void;
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
  /** The same sink for another part. */
  part(name: string): Log;
}

export function createLog(part: string, sink: LogSink): Log {
  const emit =
    (level: LogEvent["level"]) =>
    (event: string, fields: Record<string, unknown> = {}): void =>
      sink({ time: Date.now(), level, part, event, fields });
  return {
    debug: emit("debug"),
    info: emit("info"),
    warn: emit("warn"),
    error: emit("error"),
    part: (name) => createLog(name, sink),
  };
}

/** One JSON object a line, errors unfolded to message, code and cause. */
export function jsonLines(write: (line: string) => void): LogSink {
  return (event) => {
    const line = JSON.stringify(
      {
        time: new Date(event.time).toISOString(),
        level: event.level,
        part: event.part,
        event: event.event,
        ...event.fields,
      },
      (_key, value: unknown) => (value instanceof Error ? describeError(value) : value),
    );
    write(`${line}\n`);
  };
}

function describeError(error: Error): Record<string, unknown> {
  const code = "code" in error ? error.code : undefined;
  return {
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
    ...(error instanceof AggregateError ? { errors: error.errors } : {}),
  };
}

export const silentLog: Log = createLog("silent", () => undefined);
