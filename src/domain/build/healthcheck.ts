import { readGoDuration } from "../../kit/go-duration.ts";
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
  const read = readGoDuration(text);
  if (read.fault !== undefined) throw new InstructionFault(`${read.fault} ${quoted(text)}`);
  const { nanoseconds: duration } = read;
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
