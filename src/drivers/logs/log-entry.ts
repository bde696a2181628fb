import type { LogLine } from "../../domain/log-line.ts";

/**
 * One line of a json-file log: `{"log":"text\n","stream":"stdout","time":"2026-..."}`. Undefined for
 * a line that is none, such as one cut by a crash. Bytes that are not UTF-8 were replaced by the writer.
 */
export function parseLogLine(text: string): LogLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { log, stream, time } = value as Record<string, unknown>;
  if (typeof log !== "string" || typeof time !== "string") return undefined;
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  return { stream, time, data: Buffer.from(log, "utf8") };
}
