import type { LogLine, LogOptions } from "../../domain/log-line.ts";
import type { LogReader } from "../../domain/log-reader.ts";
import { nanosecondsOf, parseLogLine } from "./log-entry.ts";
import { LogFollower } from "./log-follower.ts";
import { openLogFiles, tailPosition } from "./log-files.ts";

/** Docker's json-file logs as a shim writes them: `log.json`, older ones `log.json.1` and on. */
export function createLogReader(): LogReader {
  return { read: readLog };
}

async function* readLog(
  path: string,
  options: LogOptions,
  ended: Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const files = await openLogFiles(path);
  const start = await tailPosition(files, options.tail);
  await using follower = new LogFollower(path, files, start);
  const lines = options.follow ? follower.lines(ended, signal) : follower.stored(signal);
  for await (const text of lines) {
    const line = parseLogLine(text);
    if (line === undefined) continue;
    const at = options.since > 0n || options.until > 0n ? nanosecondsOf(line.time) : 0n;
    if (options.until > 0n && at > options.until) return;
    if (options.since > 0n && at < options.since) continue;
    if (line.stream === "stdout" ? options.stdout : options.stderr) yield line;
  }
}
