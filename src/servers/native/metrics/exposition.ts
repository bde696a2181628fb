import type { Histogram } from "../../../kit/histogram.ts";

/** Longest value of a label: names of images can be long. */
const longestLabel = 200;

export type Labels = Readonly<Record<string, string>>;

/**
 * Prometheus's text format, version 0.0.4. Values are numbers of any size; every family is written
 * once, with all its samples together.
 */
export class Exposition {
  private readonly lines: string[] = [];

  /** One family. `help` and names of labels are ours; values of labels may come from anybody. */
  add(
    name: string,
    type: "counter" | "gauge" | "histogram",
    help: string,
    samples: Iterable<Sample>,
  ): void {
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    for (const { suffix = "", labels = {}, value } of samples) {
      lines.push(`${name}${suffix}${encodeLabels(labels)} ${encodeValue(value)}`);
    }
    if (lines.length > 2) this.lines.push(...lines);
  }

  /** A family of one sample without labels. */
  one(name: string, type: "counter" | "gauge", help: string, value: number): void {
    this.add(name, type, help, [{ value }]);
  }

  toString(): string {
    return `${this.lines.join("\n")}\n`;
  }
}

export interface Sample {
  /** `_bucket`, `_sum` or `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels?: Labels;
  readonly value: number;
}

/** One series of a histogram. */
export function histogramSamples(histogram: Histogram, labels: Labels): readonly Sample[] {
  const { bounds, sum, count } = histogram;
  const below = histogram.cumulative();
  const bucket = (le: string, value: number): Sample => ({
    suffix: "_bucket",
    labels: { ...labels, le },
    value,
  });
  return [
    ...bounds.map((bound, index) => bucket(String(bound), below[index] ?? 0)),
    bucket("+Inf", count),
    { suffix: "_sum", labels, value: sum },
    { suffix: "_count", labels, value: count },
  ];
}

function encodeLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value
    .slice(0, longestLabel)
    .toWellFormed()
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n");
}

function encodeValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
