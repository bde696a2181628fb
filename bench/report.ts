import { cpus, release } from "node:os";
import { pairedRatio, summarize } from "./timing.ts";

/** One measured series of one contestant in one case. */
export interface Row {
  readonly contestant: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export interface CaseResult {
  readonly title: string;
  readonly rows: readonly Row[];
  /** Contestant whose series the ratios divide by; "" for none. */
  readonly reference: string;
  readonly notes: readonly string[];
}

/** A Markdown section: one table with medians, spread and the ratio to the reference, round by round. */
export function renderCase(result: CaseResult): string {
  const reference = result.rows.find((row) => row.contestant === result.reference);
  const lines = [
    `### ${result.title}`,
    "",
    "| | n | median | p99 | min–max | ratio |",
    "| --- | --- | --- | --- | --- | --- |",
    ...result.rows.map((row) => {
      const figures = summarize(row.values);
      const ratio = reference === undefined || reference === row ? "" : ratioText(row, reference);
      const text = (value: number): string => formatFigure(value, row.unit);
      return `| ${row.contestant} | ${figures.count} | ${text(figures.median)} | ${text(figures.p99)} | ${text(figures.minimum)}–${text(figures.maximum)} | ${ratio} |`;
    }),
    ...(result.notes.length > 0 ? ["", ...result.notes.map((note) => `- ${note}`)] : []),
    "",
  ];
  return lines.join("\n");
}

function ratioText(row: Row, reference: Row): string {
  const isPaired = row.values.length === reference.values.length;
  const ratio = isPaired
    ? pairedRatio(row.values, reference.values)
    : summarize(row.values).median / summarize(reference.values).median;
  return ratio.toFixed(2);
}

function formatFigure(value: number, unit: string): string {
  if (unit === "MiB") return `${(value / (1 << 20)).toFixed(1)} MiB`;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

export function renderHost(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? "unknown processor"}, Linux ${release()}, Node ${process.version}`;
}
