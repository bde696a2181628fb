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

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Docker's three ways to name a moment, in milliseconds since the epoch: `seconds[.nanoseconds]`,
 * RFC 3339 (parts may be left out), or a Go duration before `now`. "" gives `otherwise`.
 */
export function parseMoment(text: string, otherwise: number, now = Date.now()): number {
  if (text === "") return otherwise;
  if (/^-?\d{1,12}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  const duration = parseDuration(text);
  if (duration !== null) return now - duration;
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

/** Go's duration grammar in milliseconds, or null. */
function parseDuration(text: string): number | null {
  if (text.length > 40) return null;
  let rest = text;
  let total = 0;
  while (rest !== "") {
    const part = /^(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)/.exec(rest);
    if (part === null) return null;
    total += Number(part[1]) * units[part[2]!]!;
    rest = rest.slice(part[0].length);
  }
  return text === "" ? null : total;
}

/** As go-units' HumanDuration, which `docker ps` shows. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3600 / 24 / 365)} years`;
}
