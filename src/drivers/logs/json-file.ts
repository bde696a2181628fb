import type { LogLine, LogOptions } from "../../domain/log-line.ts";
import type { LogReader } from "../../domain/log-reader.ts";
import { compressRotated } from "./compress-rotated.ts";
import { nanosecondsOf, parseLogLine } from "./log-entry.ts";
import { LogFollower } from "./log-follower.ts";
import { openLogFiles, tailPosition } from "./log-files.ts";

/** Docker's json-file logs as a shim writes them: `log.json`, older ones `log.json.1` and on, which may be compressed. */
export function createLogReader(): LogReader {
  return { read: readLog, momentOf: nanosecondsOf, compress: compressRotated };
}

async function* readLog(
  path: string,
  options: LogOptions,
  ended: Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<readonly LogLine[]> {
  const files = await openLogFiles(path);
  const start = await tailPosition(files, options.tail);
  await using follower = new LogFollower(path, files, start);
  const lines = options.follow ? follower.lines(ended, signal) : follower.stored(signal);
  for await (const texts of lines) {
    const { wanted, isPast } = select(texts, options);
    if (wanted.length > 0) yield wanted;
    if (isPast) return;
  }
}

/** The lines that are asked for; `isPast` where one came after the last moment of interest. */
function select(
  texts: readonly string[],
  options: LogOptions,
): { readonly wanted: readonly LogLine[]; readonly isPast: boolean } {
  const isBounded = options.since > 0n || options.until > 0n;
  const wanted: LogLine[] = [];
  for (const text of texts) {
    const line = parseLogLine(text);
    if (line === undefined) continue;
    const at = isBounded ? nanosecondsOf(line.time) : 0n;
    if (options.until > 0n && at > options.until) return { wanted, isPast: true };
    if (options.since > 0n && at < options.since) continue;
    if (line.stream === "stdout" ? options.stdout : options.stderr) wanted.push(line);
  }
  return { wanted, isPast: false };
}
