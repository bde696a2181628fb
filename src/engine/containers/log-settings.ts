import { join } from "node:path";
import type { LoggingSpec } from "../../domain/container.ts";
import type { WorkloadLog } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";

const defaultMaximumSize = 10 << 20;
const defaultMaximumFiles = 3;
const units: Readonly<Record<string, number>> = { "": 1, k: 1 << 10, m: 1 << 20, g: 1 << 30 };
const known = new Set([
  "max-size",
  "max-file",
  "labels",
  "labels-regex",
  "env",
  "env-regex",
  "tag",
  "compress",
  "mode",
]);

/** What the shim logs of a container; rotation at 10 MiB, three files, unless asked otherwise. */
export function logSettings(logging: LoggingSpec, stateDirectory: string): WorkloadLog {
  if (logging.driver === "none") return { path: null, maximumSize: 0, maximumFiles: 1 };
  if (!["", "json-file", "local"].includes(logging.driver)) {
    throw new DuetError(
      "invalid",
      "LOG_DRIVER",
      `logger: no log driver named '${logging.driver}' is registered`,
      {
        hint: "the log drivers are json-file, local and none",
      },
    );
  }
  const unknown = Object.keys(logging.options).find((key) => !known.has(key));
  if (unknown !== undefined) {
    throw new DuetError(
      "invalid",
      "LOG_OPTION",
      `unknown log opt '${unknown}' for json-file log driver`,
    );
  }
  return {
    path: logPath(stateDirectory),
    maximumSize: parseSize(logging.options["max-size"]),
    maximumFiles: parseFiles(logging.options["max-file"]),
  };
}

export function logPath(stateDirectory: string): string {
  return join(stateDirectory, "log.json");
}

function parseSize(text: string | undefined): number {
  if (text === undefined) return defaultMaximumSize;
  if (text === "-1") return 0;
  const match = /^(\d{1,12})([kmg]?)b?$/i.exec(text);
  const size = Number(match?.[1]) * (units[match?.[2]?.toLowerCase() ?? ""] ?? 1);
  if (match !== null && size > 0) return size;
  throw new DuetError(
    "invalid",
    "LOG_OPTION",
    `invalid max-size of the log: ${JSON.stringify(text)}`,
    {
      hint: "write a number with k, m or g, such as 10m",
    },
  );
}

function parseFiles(text: string | undefined): number {
  if (text === undefined) return defaultMaximumFiles;
  const count = Number(text);
  if (/^\d{1,4}$/.test(text) && count >= 1) return count;
  throw new DuetError(
    "invalid",
    "LOG_OPTION",
    `max-file cannot be less than 1: ${JSON.stringify(text)}`,
  );
}
