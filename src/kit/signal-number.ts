import { constants } from "node:os";
import { DuetError } from "./errors.ts";

const realtimeMinimum = 34;
const realtimeMaximum = 64;

/** The number of `9`, `KILL`, `SIGKILL` or `SIGRTMIN+3` (signal(7)). Throws `invalid` SIGNAL. */
export function parseSignal(text: string): number {
  if (/^[+-]?\d{1,3}$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= realtimeMaximum) return number;
    if (number === 0) throw unknownSignal(text);
    const why = `the linux daemon does not support signal ${number}`;
    throw new DuetError("invalid", "SIGNAL", why);
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realtime = /^RTM(IN|AX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realtime !== null) {
    const base = realtime[1] === "IN" ? realtimeMinimum : realtimeMaximum;
    const number = base + Number(`${realtime[2] ?? "+"}${realtime[3] ?? "0"}`);
    if (number >= realtimeMinimum && number <= realtimeMaximum) return number;
    throw unknownSignal(text);
  }
  const number = new Map<string, number>(Object.entries(constants.signals)).get(`SIG${name}`);
  if (number === undefined) throw unknownSignal(text);
  return number;
}

function unknownSignal(text: string): DuetError {
  return new DuetError("invalid", "SIGNAL", `invalid signal: ${text.slice(0, 40)}`);
}
