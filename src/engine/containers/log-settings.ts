import { join } from "node:path";
import type { LoggingSpec } from "../../domain/container.ts";
import type { LogDestinations } from "../../domain/log-sink.ts";
import type { WorkloadLog } from "../../domain/runtime.ts";
import { parseByteSize } from "../../kit/byte-size.ts";
import { parseGoBoolean } from "../../kit/go-boolean.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";

const defaultMaximumSize = 10 << 20;
const defaultMaximumFiles = 3;

const ofEach = ["mode", "max-buffer-size"];
const ofFiles = [...ofEach, "max-size", "max-file", "compress"];
const ofCache = ["cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"];
const attributes = ["labels", "labels-regex", "env", "env-regex", "tag"];
const knownOptions: Readonly<Record<string, ReadonlySet<string>>> = {
  "json-file": new Set([...ofFiles, ...attributes, ...ofCache]),
  local: new Set([...ofFiles, ...ofCache]),
};
/** Docker's drivers that send logs to one company's service each. */
const otherDrivers = new Set(["awslogs", "splunk", "gcplogs", "etwlogs"]);
const defaultBufferSize = 1 << 20;
/** Of the local copy of logs that go elsewhere, as Docker's. */
const cacheSize = 20 << 20;
const cacheFiles = 5;
const failedStart = "failed to create task for container: failed to initialize logging driver: ";

export function driverOf(logging: LoggingSpec): string {
  return logging.driver || "json-file";
}

/** The drivers that a container may name, sorted. */
export function logDrivers(sinks: LogDestinations): readonly string[] {
  return [...Object.keys(knownOptions), "none", ...sinks.drivers].toSorted();
}

/** Whether its lines go elsewhere, from a copy that is kept here. */
export function isSentElsewhere(sinks: LogDestinations, logging: LoggingSpec): boolean {
  return sinks.drivers.includes(driverOf(logging));
}

/** Whether `logs` can be asked for. */
export function isReadable(logging: LoggingSpec): boolean {
  const driver = driverOf(logging);
  if (knownOptions[driver] !== undefined) return true;
  return driver !== "none" && !parseBoolean(logging.options["cache-disabled"], false);
}

/** Refuses at create what Docker refuses at create; other values are looked at when the container starts. */
export function checkLogging(sinks: LogDestinations, logging: LoggingSpec): void {
  const driver = driverOf(logging);
  if (driver === "none") return;
  const { options } = logging;
  const isElsewhere = isSentElsewhere(sinks, logging);
  const known = knownOptions[driver];
  if (known === undefined && !isElsewhere) {
    const why = otherDrivers.has(driver)
      ? `logger: no log driver named '${driver}' is registered`
      : `error looking up logging plugin ${driver}: plugin "${driver}" not found`;
    throw new DuetError("invalid", "LOG_DRIVER", why, {
      hint: `the log drivers are ${logDrivers(sinks).join(", ")}`,
    });
  }
  checkMode(options);
  checkCache(options);
  if (isElsewhere) {
    const common = new Set([...ofEach, ...ofCache]);
    const own = Object.entries(options).filter(([name]) => !common.has(name));
    sinks.check(driver, Object.fromEntries(own));
    return;
  }
  const unknown = Object.keys(options).find((key) => known?.has(key) !== true);
  if (unknown === undefined) return;
  const where = driver === "local" ? "for log driver local" : "for json-file log driver";
  throw refused(`unknown log opt '${unknown}' ${where}`);
}

/** What a container logs by that names no driver, or no options of it (moby, daemon/logs.go). */
export function withDefaults(asked: LoggingSpec, defaults: LoggingSpec): LoggingSpec {
  const driver = asked.driver || driverOf(defaults);
  const isSame = driver === driverOf(defaults);
  const added = Object.entries(defaults.options).filter(
    ([name]) => isSame || ofCache.includes(name),
  );
  return { driver, options: { ...Object.fromEntries(added), ...asked.options } };
}

/** Refuses what would make each container fail that names no driver: Docker finds some of it at their starts only. */
export function checkDefaults(sinks: LogDestinations, defaults: LoggingSpec): void {
  try {
    checkLogging(sinks, defaults);
    logSettings(sinks, defaults, "/");
  } catch (cause) {
    const { message, hint } = toDuetError(cause);
    const why = message.replace(failedStart, "");
    throw new DuetError("invalid", "CONFIG_INVALID", `failed to set log opts: ${why}`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function checkMode(options: LoggingSpec["options"]): void {
  const { mode = "" } = options;
  if (!["", "blocking", "non-blocking"].includes(mode)) {
    throw refused(`logger: logging mode not supported: ${mode}`);
  }
  if (options["max-buffer-size"] === undefined) return;
  if (mode !== "non-blocking") {
    throw refused("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  if (parseByteSize(options["max-buffer-size"]) === undefined) {
    throw refused(
      `logger: error parsing option max-buffer-size: invalid size: '${options["max-buffer-size"]}'`,
    );
  }
}

function checkCache(options: LoggingSpec["options"]): void {
  const disabled = options["cache-disabled"];
  if (disabled === undefined || parseGoBoolean(disabled) !== undefined) return;
  throw refused(`invalid value for option cache-disabled: ${disabled}`);
}

/** Bytes that may wait for a log's destination before lines are dropped; null where none are. */
export function bufferSize(logging: LoggingSpec): number | null {
  const { mode, "max-buffer-size": size } = logging.options;
  if (mode !== "non-blocking") return null;
  return size === undefined ? defaultBufferSize : (parseByteSize(size) ?? defaultBufferSize);
}

function refused(message: string): DuetError {
  return new DuetError("invalid", "LOG_OPTION", message);
}

/**
 * What the shim logs of a container; rotation at 10 MiB, three files, unless asked otherwise. Of logs that
 * go elsewhere it is Docker's local copy.
 */
export function logSettings(
  sinks: LogDestinations,
  logging: LoggingSpec,
  stateDirectory: string,
): WorkloadLog {
  const path = logPathOf(logging, stateDirectory);
  if (path === null) return { path, maximumSize: 0, maximumFiles: 1 };
  const { options } = logging;
  const { "cache-max-size": size, "cache-max-file": files } = options;
  const limits = isSentElsewhere(sinks, logging)
    ? {
        maximumSize: size === undefined ? cacheSize : parseSize(size, "local"),
        maximumFiles: files === undefined ? cacheFiles : parseFiles(files),
      }
    : {
        maximumSize: parseSize(options["max-size"], driverOf(logging)),
        maximumFiles: parseFiles(options["max-file"]),
      };
  // Here, where it fails the start: later nobody could be told.
  isCompressed(sinks, logging);
  return { path, ...limits };
}

/** The log's file; null where nothing is logged. */
export function logPathOf(logging: LoggingSpec, stateDirectory: string): string | null {
  return driverOf(logging) === "none" ? null : join(stateDirectory, "log.json");
}

/** As at a start of Docker's that fails. */
export function unusable(why: string, hint?: string): DuetError {
  const message = `${failedStart}${why}`;
  const options = hint === undefined ? {} : { hint };
  return new DuetError("invalid", "LOG_OPTION", message, { http: 500, ...options });
}

/** json-file counts in thousands, local in 1024s, as in Docker. */
function parseSize(text: string | undefined, driver: string): number {
  if (text === undefined) return defaultMaximumSize;
  if (text === "-1") return 0;
  const size = parseByteSize(text, driver === "local" ? 1_024 : 1_000);
  if (size === undefined) {
    const where = driver === "local" ? `invalid value for max-size: ${text}: ` : "";
    throw unusable(`${where}invalid size: '${text}'`);
  }
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

/** Whether rotated files are to be compressed. Throws what Docker says at a start. */
export function isCompressed(sinks: LogDestinations, logging: LoggingSpec): boolean {
  const { options } = logging;
  if (driverOf(logging) === "none") return false;
  if (isSentElsewhere(sinks, logging)) return parseBoolean(options["cache-compress"], true);
  const { "max-file": files = "1", "max-size": size = "-1" } = options;
  const isOn = parseBoolean(options["compress"], false);
  if (!isOn || driverOf(logging) === "local" || (Number(files) >= 2 && size !== "-1")) return isOn;
  throw unusable("compress cannot be true when max-file is less than 2 or max-size is not set");
}

function parseBoolean(text: string | undefined, otherwise: boolean): boolean {
  if (text === undefined) return otherwise;
  const known = parseGoBoolean(text);
  if (known !== undefined) return known;
  throw unusable(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
