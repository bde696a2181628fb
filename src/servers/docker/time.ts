import { parseGoDuration } from "../../kit/go-duration.ts";
import { invalid } from "./failures.ts";

/** Go's zero time, which Docker shows for what has not happened. */
export const zeroTime = "0001-01-01T00:00:00Z";

/** Milliseconds since the epoch as RFC 3339; 0 is Go's zero time. */
export function timeText(milliseconds: number): string {
  return milliseconds === 0 ? zeroTime : new Date(milliseconds).toISOString();
}

export function unixSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/**
 * Docker's three ways to name a moment, in milliseconds since the epoch: `seconds[.nanoseconds]`,
 * RFC 3339 (parts may be left out), or a Go duration before `now`. "" gives `otherwise`.
 */
export function parseMoment(text: string, otherwise: number, now = Date.now()): number {
  if (text === "") return otherwise;
  if (/^-?\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const duration = parseGoDuration(text);
  if (duration !== undefined) return now - duration;
  const isDate =
    /^\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;
  const parsed =
    text.length <= 40 && isDate.test(text) ? Date.parse(completeDate(text)) : Number.NaN;
  if (Number.isNaN(parsed)) {
    throw invalid(
      `cannot read the time ${JSON.stringify(text.slice(0, 60))}`,
      "use seconds since 1970, 2006-01-02T15:04:05Z, or a duration such as 10m",
    );
  }
  return parsed;
}

/** The same in nanoseconds, as exact as the text; 0 for "". */
export function parseMomentNanoseconds(text: string, now = Date.now()): bigint {
  const seconds = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds !== null) return BigInt(`${seconds[1]}${(seconds[2] ?? "").padEnd(9, "0")}`);
  const date = /^(.{19})\.(\d{1,9})(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (date === null) return BigInt(Math.floor(parseMoment(text, 0, now) * 1_000_000));
  const whole = BigInt(parseMoment(`${date[1]}${date[3]}`, 0, now)) * 1_000_000n;
  return whole + BigInt(date[2]!.padEnd(9, "0"));
}

function completeDate(text: string): string {
  return /T\d\d(?:Z|[+-]\d\d:\d\d)?$/.test(text) ? text.replace(/T(\d\d)/, "T$1:00") : text;
}
