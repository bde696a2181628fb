import type { Healthcheck } from "../image.ts";
import { InstructionFault, quoted } from "./dockerfile-error.ts";
import { readFlags } from "./flags.ts";
import { readJsonWords } from "./instruction-text.ts";

/** HEALTHCHECK's flags and the rest of its line. Throws InstructionFault with BuildKit's messages. */
export function readHealthcheck(flags: readonly string[], rest: string): Healthcheck {
  const [type = ""] = rest.split(/\s/, 1);
  const command = rest.slice(type.length).trim();
  const kind = type.toUpperCase();
  if (type === "") throw new InstructionFault("HEALTHCHECK requires at least one argument");
  if (kind === "NONE") {
    if (command !== "") throw new InstructionFault("HEALTHCHECK NONE takes no arguments");
    return {
      test: ["NONE"],
      interval: 0,
      timeout: 0,
      startPeriod: 0,
      startInterval: 0,
      retries: 0,
    };
  }
  const given = readFlags(flags, {
    interval: "text",
    timeout: "text",
    "start-period": "text",
    "start-interval": "text",
    retries: "text",
  });
  if (kind !== "CMD") {
    throw new InstructionFault(`Unknown type ${quoted(kind)} in HEALTHCHECK (try CMD)`);
  }
  const words = readJsonWords(command);
  if (command === "" || words?.length === 0) {
    throw new InstructionFault("Missing command after HEALTHCHECK CMD");
  }
  return {
    test: words === undefined ? ["CMD-SHELL", command] : ["CMD", ...words],
    interval: interval("interval", given.text("interval")),
    timeout: interval("timeout", given.text("timeout")),
    startPeriod: interval("start-period", given.text("start-period")),
    startInterval: interval("start-interval", given.text("start-interval")),
    retries: retries(given.text("retries")),
  };
}

const shortest = 1_000_000;

function interval(name: string, text: string): number {
  if (text === "") return 0;
  const duration = parseGoDuration(text);
  if (duration !== 0 && duration < shortest) {
    throw new InstructionFault(`Interval ${quoted(name)} cannot be less than 1ms`);
  }
  return duration;
}

function retries(text: string): number {
  if (text === "") return 0;
  if (!/^[+-]?\d{1,10}$/.test(text)) {
    throw new InstructionFault(`strconv.ParseInt: parsing ${quoted(text)}: invalid syntax`);
  }
  const count = Number(text);
  if (count < 0) throw new InstructionFault(`--retries cannot be negative (${count})`);
  if (count > 2 ** 31 - 1) {
    throw new InstructionFault(`strconv.ParseInt: parsing ${quoted(text)}: value out of range`);
  }
  return count;
}

const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

/** Nanoseconds of Go's `1m30s`. Throws InstructionFault. */
export function parseGoDuration(text: string): number {
  const match = /^([+-]?)(.*)$/s.exec(text)!;
  const body = match[2]!;
  const sign = match[1] === "-" ? -1 : 1;
  if (body === "0") return 0;
  const shown = quoted(text);
  if (body === "" || body.length > 100)
    throw new InstructionFault(`time: invalid duration ${shown}`);
  let sum = 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)?/y;
  while (part.lastIndex < body.length) {
    const found = part.exec(body);
    if (found === null) throw new InstructionFault(`time: invalid duration ${shown}`);
    if (found[2] === undefined) {
      throw new InstructionFault(`time: missing unit in duration ${shown}`);
    }
    sum += Number(found[1]) * units[found[2]]!;
  }
  if (sum > 2 ** 63) throw new InstructionFault(`time: invalid duration ${shown}`);
  return sign * Math.round(sum);
}
