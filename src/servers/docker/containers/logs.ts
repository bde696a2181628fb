import { isReadable } from "../../../engine/containers/log-settings.ts";
import type { LogLine } from "../../../engine/engine.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { frameHeader, streamType } from "../frames.ts";
import { untilAborted } from "../streaming.ts";
import { parseMomentNanoseconds } from "../time.ts";
import { logDetails } from "./log-details.ts";

/** How each line is sent. */
interface LineForm {
  /** Without frames. */
  readonly isPlain: boolean;
  readonly withTime: boolean;
  /** Put before each line. */
  readonly details: string;
}

/** `GET /containers/{id}/logs`: frames, or plain bytes for a container with a terminal. */
export async function streamLogs(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const stdout = query.flag("stdout");
  const stderr = query.flag("stderr");
  if (!stdout && !stderr) throw invalid("Bad parameters: you must choose at least one stream");
  const record = engine.containers.get(exchange.parameter("id"));
  const form: LineForm = {
    isPlain: record.spec.process.terminal,
    withTime: query.flag("timestamps"),
    details: query.flag("details") ? `${logDetails(record)} ` : "",
  };
  const options = {
    stdout,
    stderr,
    follow: query.flag("follow"),
    since: parseMomentNanoseconds(query.text("since")),
    until: parseMomentNanoseconds(query.text("until")),
    tail: tailOf(query.text("tail")),
  };
  const lines = engine.containers.logs(record.id, options, exchange.signal);
  const iterator = untilAborted(lines, exchange.signal);
  // Where the first line is there (or fails) at once, an error still gets its own status.
  if (!options.follow || !isReadable(record.spec.logging)) {
    await sendFirst(exchange, iterator, form);
  } else exchange.begin(streamType(!form.isPlain, exchange.apiVersion));
  for await (const some of iterator) await exchange.write(encodeLines(some, form));
  exchange.end();
}

async function sendFirst(
  exchange: Exchange,
  iterator: AsyncGenerator<readonly LogLine[], void, undefined>,
  form: LineForm,
): Promise<void> {
  const first = await iterator.next();
  exchange.begin(streamType(!form.isPlain, exchange.apiVersion));
  if (first.done !== true) await exchange.write(encodeLines(first.value, form));
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

/** One write for what was read at once: a write a line would take most of the time. */
function encodeLines(lines: readonly LogLine[], form: LineForm): Buffer {
  return Buffer.concat(lines.flatMap((line) => encodeLine(line, form)));
}

function encodeLine(line: LogLine, form: LineForm): readonly Buffer[] {
  const data = Buffer.from(line.data.buffer, line.data.byteOffset, line.data.byteLength);
  const before = `${form.withTime ? `${fixedTime(line.time)} ` : ""}${form.details}`;
  const content = before === "" ? [data] : [Buffer.from(before), data];
  if (form.isPlain) return content;
  const size = content.reduce((sum, part) => sum + part.length, 0);
  return [frameHeader(line.stream, size), ...content];
}
