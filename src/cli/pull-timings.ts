import type { PullTimingsBody } from "../spec/duet/pull-timings.ts";
import { decimalSize } from "./quantities.ts";
import { printable } from "./report-error.ts";

const sources: Readonly<Record<string, string>> = {
  registry: "from the registry",
  "other-pull": "by another pull",
  here: "here already",
};

/** What a pull's last message tells of its phases, as one line for people; undefined for any other message. */
export function timingsLine(aux: unknown): string | undefined {
  if (!isTimings(aux)) return undefined;
  const { Seconds, Phases, Layers } = aux.Timings;
  const phases = Phases.map(
    ({ Name, Seconds: seconds, Bytes }) =>
      `${printable(Name)} ${duration(seconds)}${Bytes > 0 ? ` (${decimalSize(Bytes)})` : ""}`,
  );
  const layers = Layers.filter(({ Count }) => Count > 0).map(
    ({ Source, Count }) => `${Count} ${sources[Source] ?? printable(Source)}`,
  );
  const from = layers.length === 0 ? "" : `; layers: ${layers.join(", ")}`;
  return `Timings: ${duration(Seconds)}; side by side: ${phases.join(", ")}${from}`;
}

function isTimings(value: unknown): value is PullTimingsBody {
  return typeof value === "object" && value !== null && "Timings" in value;
}

function duration(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : `${seconds.toFixed(1)} s`;
}
