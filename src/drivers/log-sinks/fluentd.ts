import type { LogEntry, LogSink, LogSource } from "../../domain/log-sink.ts";
import { parseDestination, type Destination } from "./address.ts";
import { openConnection } from "./connection.ts";
import type { Options, SinkDriver } from "./driver.ts";
import { badOption } from "./failures.ts";
import { packArray, packEventTime, packInteger, packMap, packText } from "./message-pack.ts";

const defaultPort = 24_224;
const schemes = { "": "tcp", tcp: "tcp", tls: "tls", unix: "unix" } as const;
const flags = ["fluentd-async", "fluentd-async-connect", "fluentd-sub-second-precision"];
/** How Docker's own client connects and buffers; taken, for Duet's connection is mended and its buffer is the log's file. */
const taken = [
  ...["fluentd-async-reconnect-interval", "fluentd-buffer-limit", "fluentd-retry-wait"],
  ...["fluentd-max-retries", "fluentd-read-timeout", "fluentd-write-timeout"],
];

/** Docker's fluentd driver: the forward protocol's Message mode. */
export const fluentd: SinkDriver = {
  options: ["fluentd-address", "fluentd-request-ack", ...flags, ...taken],
  check: (options) => {
    destinationOf(options);
    for (const name of [...flags, "fluentd-request-ack"]) isOn(options, name);
    if (isOn(options, "fluentd-request-ack")) {
      throw badOption("fluentd-request-ack is not supported: messages go out unacknowledged");
    }
  },
  connectsLater: (options) =>
    isOn(options, "fluentd-async") || isOn(options, "fluentd-async-connect"),
  open: openFluentd,
};

function destinationOf(options: Options): Destination {
  return parseDestination(options["fluentd-address"] ?? "", schemes, defaultPort);
}

function isOn(options: Options, name: string): boolean {
  const value = options[name] ?? "false";
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw badOption(`invalid value for ${name}: ${value.slice(0, 80)}`);
}

async function openFluentd(
  options: Options,
  source: LogSource,
  signal: AbortSignal,
): Promise<LogSink> {
  const connection = await openConnection(destinationOf(options), signal);
  const precise = isOn(options, "fluentd-sub-second-precision");
  return {
    send: async (entries, until) =>
      await connection.write(
        entries.map((entry) => forwardMessage(entry, source, precise)),
        until,
      ),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

function forwardMessage(entry: LogEntry, source: LogSource, precise: boolean): Buffer {
  const { part } = entry;
  const record = new Map<string, string | Uint8Array>([
    ...source.attributes,
    ["container_id", source.id],
    ["container_name", `/${source.name}`],
    ["source", entry.stream],
    ["log", entry.data],
  ]);
  if (part !== undefined) {
    record.set("partial_message", "true");
    record.set("partial_id", part.id);
    record.set("partial_ordinal", String(part.ordinal));
    record.set("partial_last", String(part.last));
  }
  const seconds = Math.floor(Date.parse(entry.time) / 1_000);
  const nanoseconds = Number((/\.(\d+)Z$/.exec(entry.time)?.[1] ?? "").padEnd(9, "0"));
  return packArray([
    packText(source.tag),
    precise ? packEventTime(seconds, nanoseconds) : packInteger(seconds),
    packMap(record),
    packMap(new Map()),
  ]);
}
