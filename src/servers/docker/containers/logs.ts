import type { LogLine } from "../../../engine/engine.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { frameHeader, streamType } from "../frames.ts";
import { untilAborted } from "../streaming.ts";
import { parseMoment } from "../time.ts";

/** `GET /containers/{id}/logs`: frames, or plain bytes for a container with a terminal. */
export async function streamLogs(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const stdout = query.flag("stdout");
  const stderr = query.flag("stderr");
  if (!stdout && !stderr) throw invalid("Bad parameters: you must choose at least one stream");
  const record = engine.containers.get(exchange.parameter("id"));
  const isPlain = record.spec.process.terminal;
  const options = {
    stdout,
    stderr,
    follow: query.flag("follow"),
    since: parseMoment(query.text("since"), 0),
    until: parseMoment(query.text("until"), 0),
    tail: tailOf(query.text("tail")),
  };
  const withTime = query.flag("timestamps");
  const lines = engine.containers.logs(record.id, options, exchange.signal);
  const iterator = untilAborted(lines, exchange.signal);
  // Where the first line is there (or fails) at once, an error still gets its own status.
  if (!options.follow) await sendFirst(exchange, iterator, isPlain, withTime);
  else exchange.begin(streamType(!isPlain, exchange.apiVersion));
  for await (const line of iterator) await exchange.write(encodeLine(line, isPlain, withTime));
  exchange.end();
}

async function sendFirst(
  exchange: Exchange,
  iterator: AsyncGenerator<LogLine, void, undefined>,
  isPlain: boolean,
  withTime: boolean,
): Promise<void> {
  const first = await iterator.next();
  exchange.begin(streamType(!isPlain, exchange.apiVersion));
  if (first.done !== true) await exchange.write(encodeLine(first.value, isPlain, withTime));
}

function tailOf(text: string): number {
  if (text === "" || text === "all") return -1;
  if (/^-?\d{1,12}$/.test(text)) return Math.max(-1, Number(text));
  // As in Docker, what is no number means all.
  return -1;
}

/** The log drops zeros at the end of a fraction; clients get nine digits, so that lines stay aligned. */
function fixedTime(time: string): string {
  const match = /^([^.Z]*)(?:\.(\d{1,9}))?Z$/.exec(time);
  return match === null ? time : `${match[1]}.${(match[2] ?? "").padEnd(9, "0")}Z`;
}

function encodeLine(line: LogLine, isPlain: boolean, withTime: boolean): Buffer {
  const data = Buffer.from(line.data.buffer, line.data.byteOffset, line.data.byteLength);
  const content = withTime ? Buffer.concat([Buffer.from(`${fixedTime(line.time)} `), data]) : data;
  return isPlain ? content : Buffer.concat([frameHeader(line.stream, content.length), content]);
}
