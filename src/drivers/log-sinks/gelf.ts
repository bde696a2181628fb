import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { deflateSync, gzipSync } from "node:zlib";
import type { LogEntry, LogSink, LogSource } from "../../domain/log-sink.ts";
import { goJson } from "../../kit/go-template/go-text.ts";
import { parseDestination, type Destination } from "./address.ts";
import { openConnection } from "./connection.ts";
import { hasText, type Options, type SinkDriver } from "./driver.ts";
import { badOption } from "./failures.ts";

/** GELF 1.1: a datagram has at most so many bytes; a longer message comes in chunks, 128 at most. */
const datagramSize = 1_420;
const chunkHeader = 12;
const mostChunks = 128;
const defaultPort = 12_201;
const counts = ["gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"];

/** Docker's gelf driver. */
export const gelf: SinkDriver = {
  options: ["gelf-address", "gelf-compression-level", "gelf-compression-type", ...counts],
  check: (options) => {
    const { kind } = destinationOf(options);
    for (const [name, value] of Object.entries(options)) checkOption(name, value, kind);
  },
  open: openGelf,
};

function checkOption(name: string, value: string, kind: Destination["kind"]): void {
  if (counts.includes(name)) {
    if (kind === "udp") throw badOption(`"${name}" option is only supported for TCP`);
    if (!/^\d{1,6}$/.test(value)) throw badOption(`"${name}" must be a positive integer`);
  }
  if (!name.startsWith("gelf-compression")) return;
  if (kind === "tcp") throw badOption("compression is only supported on UDP");
  const fits = name.endsWith("level")
    ? /^(-1|\d)$/.test(value)
    : ["gzip", "zlib", "none"].includes(value);
  if (!fits)
    throw badOption(
      `unknown value ${JSON.stringify(value)} for log opt "${name}" for gelf log driver`,
    );
}

function destinationOf(options: Options): Destination {
  const { "gelf-address": address = "" } = options;
  if (address === "") throw badOption("gelf-address is a required parameter");
  return parseDestination(address, { udp: "udp", tcp: "tcp" }, defaultPort);
}

async function openGelf(
  options: Options,
  source: LogSource,
  signal: AbortSignal,
): Promise<LogSink> {
  const destination = destinationOf(options);
  const connection = await openConnection(destination, signal);
  const framed = destination.kind === "tcp" ? zeroEnded : datagrams(options);
  const own = {
    ...Object.fromEntries([...source.attributes].map(([name, value]) => [`_${name}`, value])),
    _command: source.command,
    _container_id: source.id,
    _container_name: source.name,
    _created: new Date(source.createdAt).toISOString(),
    _image_id: source.imageId,
    _image_name: source.imageName,
    _tag: source.tag,
  };
  return {
    send: async (entries, until) =>
      await connection.write(
        entries.filter(hasText).flatMap((entry) => framed(gelfMessage(entry, own))),
        until,
      ),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

function gelfMessage(entry: LogEntry, own: Readonly<Record<string, string>>): Buffer {
  const text = Buffer.from(entry.data).toString("utf8");
  return Buffer.from(
    goJson({
      version: "1.1",
      host: hostname(),
      short_message: text,
      timestamp: Date.parse(entry.time) / 1_000,
      level: entry.stream === "stderr" ? 3 : 6,
      ...own,
    }),
  );
}

/** JSON has no zero byte of its own. */
function zeroEnded(message: Buffer): Buffer[] {
  return [Buffer.concat([message, Buffer.alloc(1)])];
}

function datagrams(options: Options): (message: Buffer) => Buffer[] {
  const level = Number(options["gelf-compression-level"] ?? 1);
  const type = options["gelf-compression-type"] ?? "gzip";
  return (message) => {
    if (type === "none") return chunks(message);
    return chunks(type === "zlib" ? deflateSync(message, { level }) : gzipSync(message, { level }));
  };
}

/** One of too many chunks is told of nowhere: no server would take it. */
function chunks(message: Buffer): Buffer[] {
  if (message.length <= datagramSize) return [message];
  const size = datagramSize - chunkHeader;
  const count = Math.ceil(message.length / size);
  if (count > mostChunks) return [];
  const id = randomBytes(8);
  return Array.from({ length: count }, (_, index) =>
    Buffer.concat([
      Buffer.from([0x1e, 0x0f]),
      id,
      Buffer.from([index, count]),
      message.subarray(index * size, (index + 1) * size),
    ]),
  );
}
