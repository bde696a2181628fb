import { parseByteSize } from "../kit/byte-size.ts";
import { parseGoDuration } from "../kit/go-duration.ts";

/** Bytes of `512`, `64m`, `1.5GiB` (powers of 1024, as Docker's CLI); -1 stays -1; undefined when malformed. */
export function parseBytes(text: string): number | undefined {
  return text === "-1" ? -1 : parseByteSize(text);
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

/**
 * Seconds since the epoch, with fraction, of a moment as Docker's `--since` takes it: RFC 3339 (also
 * without zone), seconds since the epoch, or a duration before now. undefined when malformed.
 */
export function parseMoment(text: string, now = Date.now()): string | undefined {
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return text;
  const ago = parseGoDuration(text);
  if (ago !== undefined) return ((now - ago) / 1_000).toFixed(9);
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}){0,2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?$/.test(text))
    return undefined;
  const time = Date.parse(/^\d{4}-\d{2}-\d{2}T\d{2}$/.test(text) ? `${text}:00` : text);
  return Number.isNaN(time) ? undefined : (time / 1_000).toFixed(9);
}
