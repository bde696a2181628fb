import { hostname } from "node:os";
import type { LogEntry } from "../../domain/log-sink.ts";

/** `rfc3164` has a host's name, `local` none. */
export type SyslogFormat = "local" | "rfc3164" | "rfc5424" | "rfc5424micro";

const severity = { stdout: 6, stderr: 3 } as const;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export interface SyslogForm {
  readonly format: SyslogFormat;
  /** 0–23. */
  readonly facility: number;
  readonly tag: string;
  /** Whether the length comes before each message (RFC 6587, 3.4.1), instead of a line's end after it alone. */
  readonly counted: boolean;
}

/**
 * A message of syslog as Docker sends it. The tag cannot end the message or, where spaces part the fields, begin another
 * field; what the container wrote comes last and has no line's end in it.
 */
export function syslogMessage(entry: LogEntry, form: SyslogForm): Buffer {
  const header = `<${form.facility * 8 + severity[entry.stream]}>${headerOf(entry.time, form)}`;
  const message = Buffer.concat([Buffer.from(header), entry.data, Buffer.from("\n")]);
  return form.counted ? Buffer.concat([Buffer.from(`${message.length} `), message]) : message;
}

function headerOf(time: string, { format, tag: given }: SyslogForm): string {
  const tag = given.replace(/[\x00-\x1f\x7f]/g, "_");
  const { pid } = process;
  if (format === "local") return `${stamp(time)} ${tag}[${pid}]: `;
  if (format === "rfc3164") return `${stamp(time)} ${hostname()} ${tag}[${pid}]: `;
  const word = tag.replaceAll(" ", "_") || "-";
  return `1 ${isoTime(time, format === "rfc5424micro")} ${hostname()} ${word} ${pid} ${word} - `;
}

/** RFC 3164's time, which is local. */
function stamp(time: string): string {
  const date = new Date(time);
  const day = String(date.getDate()).padStart(2, " ");
  return `${months[date.getMonth()]} ${day} ${clock(date)}`;
}

function clock(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

/** RFC 3339, local, with its offset. */
function isoTime(time: string, withFraction: boolean): string {
  const date = new Date(time);
  const fraction = withFraction
    ? `.${(/\.(\d+)Z$/.exec(time)?.[1] ?? "").slice(0, 6).padEnd(6, "0")}`
    : "";
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
  return `${day}T${clock(date)}${fraction}${offset(-date.getTimezoneOffset())}`;
}

function offset(minutes: number): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${twoDigits(Math.floor(size / 60))}:${twoDigits(size % 60)}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
