const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};
const longest = 100;

/** Reads `1h30m`, `250ms`, `-1.5s` or `0` as Go's time.ParseDuration does; `fault` is Go's own message, but for the text. */
export function readGoDuration(text: string):
  | { readonly nanoseconds: number; readonly fault?: never }
  | {
      readonly nanoseconds?: never;
      readonly fault: "time: invalid duration" | "time: missing unit in duration";
    } {
  const [, sign, body = ""] = /^([+-]?)(.*)$/s.exec(text)!;
  if (body === "0") return { nanoseconds: 0 };
  if (body === "" || body.length > longest) return { fault: "time: invalid duration" };
  let sum = 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)?/y;
  while (part.lastIndex < body.length) {
    const found = part.exec(body);
    if (found === null) return { fault: "time: invalid duration" };
    if (found[2] === undefined) return { fault: "time: missing unit in duration" };
    sum += Number(found[1]) * nanoseconds[found[2]]!;
  }
  if (sum > 2 ** 63) return { fault: "time: invalid duration" };
  return { nanoseconds: (sign === "-" ? -1 : 1) * Math.round(sum) };
}

/** Milliseconds of a Go duration that is not negative; undefined for any other text. */
export function parseGoDuration(text: string): number | undefined {
  const read = readGoDuration(text);
  return read.fault !== undefined || read.nanoseconds < 0 ? undefined : read.nanoseconds / 1e6;
}

/** `About a minute`, `3 days`: Docker's words for milliseconds (go-units HumanDuration). */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1_000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3_600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(seconds / 3_600 / 24 / 365)} years`;
}
