import { join } from "node:path";
import type { LoggingSpec } from "../../domain/container.ts";
import type { WorkloadLog } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";

const defaultMaximumSize = 10 << 20;
const defaultMaximumFiles = 3;

const ofEach = ["mode", "max-buffer-size", "max-size", "max-file", "compress"];
const knownOptions: Readonly<Record<string, ReadonlySet<string>>> = {
  "json-file": new Set([
    ...ofEach,
    ...["labels", "labels-regex", "env", "env-regex", "tag"],
    ...["cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"],
  ]),
  local: new Set(ofEach),
};
/** Docker's drivers that send logs elsewhere. */
const otherDrivers = new Set([
  "journald",
  "syslog",
  "gelf",
  "fluentd",
  "awslogs",
  "splunk",
  "gcplogs",
]);

function driverOf(logging: LoggingSpec): string {
  return logging.driver || "json-file";
}

/** Refuses at create what Docker refuses at create; values are looked at when the container starts. */
export function checkLogging(logging: LoggingSpec): void {
  const driver = driverOf(logging);
  if (driver === "none") return;
  const known = knownOptions[driver];
  if (known === undefined) {
    const why = otherDrivers.has(driver)
      ? `logger: no log driver named '${driver}' is registered`
      : `error looking up logging plugin ${driver}: plugin "${driver}" not found`;
    throw new DuetError("invalid", "LOG_DRIVER", why, {
      hint: "the log drivers are json-file, local and none",
    });
  }
  const { mode = "" } = logging.options;
  if (!["", "blocking", "non-blocking"].includes(mode)) {
    throw refused(`logger: logging mode not supported: ${mode}`);
  }
  if (logging.options["max-buffer-size"] !== undefined && mode !== "non-blocking") {
    throw refused("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  const unknown = Object.keys(logging.options).find((key) => !known.has(key));
  if (unknown === undefined) return;
  const where = driver === "local" ? "for log driver local" : "for json-file log driver";
  throw refused(`unknown log opt '${unknown}' ${where}`);
}

function refused(message: string): DuetError {
  return new DuetError("invalid", "LOG_OPTION", message);
}

/** What the shim logs of a container; rotation at 10 MiB, three files, unless asked otherwise. */
export function logSettings(logging: LoggingSpec, stateDirectory: string): WorkloadLog {
  const path = logPathOf(logging, stateDirectory);
  if (path === null) return { path, maximumSize: 0, maximumFiles: 1 };
  const { options } = logging;
  const settings = {
    path,
    maximumSize: parseSize(options["max-size"], driverOf(logging)),
    maximumFiles: parseFiles(options["max-file"]),
  };
  isCompressed(logging);
  return settings;
}

/** The log's file; null where nothing is logged. */
export function logPathOf(logging: LoggingSpec, stateDirectory: string): string | null {
  return driverOf(logging) === "none" ? null : join(stateDirectory, "log.json");
}

/** As at a start of Docker's that fails. */
function unusable(why: string): DuetError {
  const message = `failed to create task for container: failed to initialize logging driver: ${why}`;
  return new DuetError("invalid", "LOG_OPTION", message, { http: 500 });
}

/** json-file counts in thousands, local in 1024s, as in Docker. */
function parseSize(text: string | undefined, driver: string): number {
  if (text === undefined) return defaultMaximumSize;
  if (text === "-1") return 0;
  const match = /^(\d{1,12}(?:\.\d{1,3})?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (match === null) {
    const where = driver === "local" ? `invalid value for max-size: ${text}: ` : "";
    throw unusable(`${where}invalid size: '${text}'`);
  }
  const power = " kmgtp".indexOf(match[2]?.toLowerCase() || " ");
  const size = Math.floor(Number(match[1]) * (driver === "local" ? 1024 : 1000) ** power);
  if (size > 0) return size;
  throw unusable("max-size must be a positive number");
}

function parseFiles(text: string | undefined): number {
  if (text === undefined) return defaultMaximumFiles;
  if (!/^[+-]?\d{1,6}$/.test(text)) {
    throw unusable(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (Number(text) >= 1) return Math.min(Number(text), 9_999);
  throw unusable("max-file cannot be less than 1");
}

const booleans = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];

/** Whether rotated files are to be compressed. Throws what Docker says at a start. */
export function isCompressed(logging: LoggingSpec): boolean {
  const { compress, "max-file": files = "1", "max-size": size = "-1" } = logging.options;
  if (compress === undefined) return false;
  const at = booleans.indexOf(compress);
  if (at < 0)
    throw unusable(`strconv.ParseBool: parsing ${JSON.stringify(compress)}: invalid syntax`);
  const isOn = at < booleans.length / 2;
  if (!isOn || driverOf(logging) === "local" || (Number(files) >= 2 && size !== "-1")) return isOn;
  throw unusable("compress cannot be true when max-file is less than 2 or max-size is not set");
}
