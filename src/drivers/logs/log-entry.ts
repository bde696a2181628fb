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

/** Nanoseconds since the epoch of a line's time; 0 for what is none. */
export function nanosecondsOf(time: string): bigint {
  const match = /^([^.Z]{19})(?:\.(\d{1,9}))?Z$/.exec(time);
  const milliseconds = match === null ? Number.NaN : Date.parse(`${match[1]}Z`);
  if (Number.isNaN(milliseconds)) return 0n;
  return BigInt(milliseconds) * 1_000_000n + BigInt((match?.[2] ?? "").padEnd(9, "0"));
}
