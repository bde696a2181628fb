import { parseByteSize } from "../kit/byte-size.ts";

/** Bytes of `512`, `64m`, `1.5GiB` (powers of 1024, as Docker's CLI); -1 stays -1; undefined when malformed. */
export function parseBytes(text: string): number | undefined {
  return text === "-1" ? -1 : parseByteSize(text);
}

const milliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a Go duration such as `1h30m`, `250ms`, `0`; undefined when malformed. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (text.length > 64 || !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(amount) * (milliseconds[unit!] ?? 0);
  }
  return sum;
}

const decimalUnits = ["B", "kB", "MB", "GB", "TB", "PB"];
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `1.24MB`: at most `digits` significant digits, powers of 1000, as Docker's tables (go-units). */
export function decimalSize(bytes: number, digits = 3): string {
  return size(bytes, 1_000, decimalUnits, digits);
}

/** `15.5MiB`: powers of 1024. */
export function binarySize(bytes: number, digits = 4): string {
  return size(bytes, 1_024, binaryUnits, digits);
}

function size(bytes: number, base: number, names: readonly string[], digits: number): string {
  let value = bytes;
  let at = 0;
  while (value >= base && at < names.length - 1) {
    value /= base;
    at += 1;
  }
  return `${Number(value.toPrecision(digits))}${names[at]}`;
}

/** `About a minute`, `3 days`: Docker's words (go-units HumanDuration). */
export function humanDuration(elapsed: number): string {
  const seconds = Math.floor(elapsed / 1_000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(minutes / 60 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}

/**
 * Seconds since the epoch, with fraction, of a moment as Docker's `--since` takes it: RFC 3339 (also
 * without zone), seconds since the epoch, or a duration before now. undefined when malformed.
 */
export function parseMoment(text: string, now = Date.now()): string | undefined {
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return text;
  const ago = parseDuration(text);
  if (ago !== undefined) return ((now - ago) / 1_000).toFixed(9);
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}){0,2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?$/.test(text))
    return undefined;
  const time = Date.parse(/^\d{4}-\d{2}-\d{2}T\d{2}$/.test(text) ? `${text}:00` : text);
  return Number.isNaN(time) ? undefined : (time / 1_000).toFixed(9);
}
