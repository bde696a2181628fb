import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { LogSink, LogSource } from "../../domain/log-sink.ts";
import { DuetError, reasonOf } from "../../kit/errors.ts";
import { parseDestination, type Destination } from "./address.ts";
import { openConnection, type Connection } from "./connection.ts";
import { hasText, type Options, type SinkDriver } from "./driver.ts";
import { badOption } from "./failures.ts";
import { syslogMessage, type SyslogFormat } from "./syslog-format.ts";

const names =
  "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp - - - - local0 local1 local2 local3 local4 local5 local6 local7".split(
    " ",
  );
const formats: ReadonlyMap<string, SyslogFormat> = new Map([
  ["", "local"],
  ["rfc3164", "rfc3164"],
  ["rfc5424", "rfc5424"],
  ["rfc5424micro", "rfc5424micro"],
]);
const schemes = {
  udp: "udp",
  tcp: "tcp",
  "tcp+tls": "tls",
  unix: "unix",
  unixgram: "unixgram",
} as const;
const syslogPort = 514;
/** Where the host's own syslog listens, by datagrams or as a stream. */
const localPaths = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/** Docker's syslog driver. */
export const syslog: SinkDriver = {
  options: [
    ...["syslog-address", "syslog-facility", "syslog-format", "syslog-tls-ca-cert"],
    ...["syslog-tls-cert", "syslog-tls-key", "syslog-tls-skip-verify"],
  ],
  check: (options) => {
    destinationOf(options);
    facilityOf(options);
    formatOf(options);
  },
  open: openSyslog,
};

async function openSyslog(
  options: Options,
  source: LogSource,
  signal: AbortSignal,
): Promise<LogSink> {
  const destination = destinationOf(options);
  const format = formatOf(options);
  const counted = destination?.kind === "tls" && format.startsWith("rfc5424");
  const form = { format, facility: facilityOf(options), tag: source.tag, counted };
  const connection =
    destination === null
      ? await openLocal(signal)
      : await openConnection(destination, signal, securityOf(options));
  return {
    send: async (entries, until) =>
      await connection.write(
        entries.filter(hasText).map((entry) => syslogMessage(entry, form)),
        until,
      ),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

async function openLocal(signal: AbortSignal): Promise<Connection> {
  for (const path of localPaths) {
    for (const kind of ["unixgram", "unix"] as const) {
      try {
        return await openConnection({ kind, path }, signal);
      } catch {
        signal.throwIfAborted();
      }
    }
  }
  throw new DuetError("unavailable", "LOG_DESTINATION", "Unix syslog delivery error", {
    hint: "this host has no syslog of its own: name one with --log-opt syslog-address",
  });
}

/** null for the host's own. */
function destinationOf(options: Options): Destination | null {
  const { "syslog-address": address = "" } = options;
  return address === "" ? null : parseDestination(address, schemes, syslogPort);
}

function facilityOf(options: Options): number {
  const { "syslog-facility": text = "" } = options;
  if (text === "") return names.indexOf("daemon");
  const number = /^\d{1,2}$/.test(text) ? Number(text) : text === "-" ? -1 : names.indexOf(text);
  if (number >= 0 && number < names.length) return number;
  throw badOption("invalid syslog facility");
}

function formatOf(options: Options): SyslogFormat {
  const format = formats.get(options["syslog-format"] ?? "");
  if (format === undefined) throw badOption("Invalid syslog format");
  return format;
}

function securityOf(options: Options): ConnectionOptions {
  const file = (option: string, what: string): { readonly pem: Buffer } | undefined => {
    const path = options[option] ?? "";
    return path === "" ? undefined : { pem: readPem(path, what) };
  };
  const ca = file("syslog-tls-ca-cert", "CA certificate");
  const cert = file("syslog-tls-cert", "X509 key pair");
  const key = file("syslog-tls-key", "X509 key pair");
  return {
    minVersion: "TLSv1.2",
    rejectUnauthorized: options["syslog-tls-skip-verify"] === undefined,
    ...(ca === undefined ? {} : { ca: ca.pem }),
    ...(cert === undefined ? {} : { cert: cert.pem }),
    ...(key === undefined ? {} : { key: key.pem }),
  };
}

function readPem(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = reasonOf(error) ?? "invalid argument";
    throw badOption(`could not read ${what} "${path}": open ${path}: ${why}`);
  }
}
