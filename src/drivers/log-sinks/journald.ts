import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { LogEntry, LogSink, LogSource } from "../../domain/log-sink.ts";
import { DuetError } from "../../kit/errors.ts";
import type { SinkDriver } from "./driver.ts";
import { UnixDatagrams } from "./unix-datagrams.ts";

/** Of systemd-journald's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL). */
const journalSocket = "/run/systemd/journal/socket";
const longestName = 64;

/** Docker's journald driver, with its names of fields. */
export const journald: SinkDriver = {
  options: [],
  check: () => undefined,
  open: async (_options, source) => openJournal(source),
};

function openJournal(source: LogSource): LogSink {
  if (!existsSync(journalSocket)) {
    throw new DuetError("unavailable", "LOG_DESTINATION", "journald is not enabled on this host", {
      hint: "this host has no systemd-journald: use json-file, local or syslog",
    });
  }
  const connection = new UnixDatagrams(journalSocket);
  const own = fieldsOf(source);
  let ordinal = 0;
  return {
    send: async (entries, signal) => {
      for (const entry of entries) {
        ordinal += 1;
        await connection.write([journalMessage(entry, own, ordinal)], signal);
      }
    },
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

/** What is the same in all messages of a run. A label or variable never stands for one of Docker's own fields. */
function fieldsOf(source: LogSource): ReadonlyMap<string, string> {
  const asked = [...source.attributes].map(([name, value]) => [fieldName(name), value] as const);
  return new Map([
    ...asked.filter(([name]) => name !== "" && !messageFields.has(name)),
    ["CONTAINER_ID", source.id.slice(0, 12)],
    ["CONTAINER_ID_FULL", source.id],
    ["CONTAINER_NAME", source.name],
    ["CONTAINER_TAG", source.tag],
    ["IMAGE_NAME", source.imageName],
    ["SYSLOG_IDENTIFIER", source.tag],
    ["CONTAINER_LOG_EPOCH", randomBytes(32).toString("hex")],
  ]);
}

const messageFields: ReadonlySet<string> = new Set([
  ...["MESSAGE", "PRIORITY", "SYSLOG_TIMESTAMP", "CONTAINER_LOG_ORDINAL"],
  ...["CONTAINER_PARTIAL_MESSAGE", "CONTAINER_PARTIAL_ID", "CONTAINER_PARTIAL_ORDINAL"],
  "CONTAINER_PARTIAL_LAST",
]);

/** Capitals, digits and underscores, with no underscore first: those are journald's. */
function fieldName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "_")
    .replace(/^_+/, "")
    .slice(0, longestName);
}

export function journalMessage(
  entry: LogEntry,
  own: ReadonlyMap<string, string>,
  ordinal: number,
): Buffer {
  const { part } = entry;
  const fields: (readonly [string, string | Uint8Array])[] = [
    ["PRIORITY", entry.stream === "stderr" ? "3" : "6"],
    ["MESSAGE", entry.data],
    ...own,
    ["SYSLOG_TIMESTAMP", entry.time],
    ["CONTAINER_LOG_ORDINAL", String(ordinal)],
  ];
  if (part !== undefined) {
    fields.push(
      ["CONTAINER_PARTIAL_MESSAGE", "true"],
      ["CONTAINER_PARTIAL_ID", part.id],
      ["CONTAINER_PARTIAL_ORDINAL", String(part.ordinal)],
      ["CONTAINER_PARTIAL_LAST", String(part.last)],
    );
  }
  return Buffer.concat(fields.flatMap(([name, value]) => encodeField(name, value)));
}

/** A value with a line's end in it goes with its length, or what follows would be fields of its own. */
function encodeField(name: string, value: string | Uint8Array): Buffer[] {
  const bytes = Buffer.from(value as Uint8Array);
  if (!bytes.includes(0x0a)) return [Buffer.from(`${name}=`), bytes, Buffer.from("\n")];
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return [Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")];
}
