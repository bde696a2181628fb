import type { Way } from "./comparison.ts";
import { amount } from "./text-report.ts";
import type { Summary } from "./statistics.ts";

const width = 640;
const rowHeight = 34;
const left = 90;
const right = 96;
const colors: Readonly<Record<Way, string>> = {
  native: "#6b7280",
  container: "#2563eb",
  vm: "#b45309",
};

/**
 * One metric as inline SVG: a row per way with every sample as a dot, the middle half as a bar and
 * the median as a line; from zero, so that lengths compare.
 */
export function plotMetric(
  label: string,
  unit: string,
  rows: readonly (readonly [Way, Summary])[],
): string {
  const largest = Math.max(...rows.map(([, summary]) => summary.maximum)) || 1;
  const x = (value: number): number => left + (value / largest) * (width - left - right);
  const height = rows.length * rowHeight + 12;
  const lines = rows.map(([way, summary], index) => rowOf(way, summary, index * rowHeight + 22, x));
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(`${label} in ${unit}`)}">`,
    ...lines,
    `<line x1="${left}" y1="4" x2="${left}" y2="${height - 8}" class="axis"/>`,
    "</svg>",
  ].join("\n");
}

function rowOf(way: Way, summary: Summary, y: number, x: (value: number) => number): string {
  const [low, high] = summary.quartiles;
  const dots = summary.values
    .map((value) => `<circle cx="${x(value).toFixed(1)}" cy="${y}" r="2.5"/>`)
    .join("");
  const box = `<rect x="${x(low).toFixed(1)}" y="${y - 9}" width="${Math.max(1, x(high) - x(low)).toFixed(1)}" height="18" opacity="0.25"/>`;
  const bar = `<rect x="${x(0).toFixed(1)}" y="${y - 2}" width="${(x(summary.median) - x(0)).toFixed(1)}" height="4" opacity="0.35"/>`;
  const median = x(summary.median).toFixed(1);
  return [
    `<text x="${left - 8}" y="${y + 4}" text-anchor="end">${way}</text>`,
    `<g fill="${colors[way]}">${bar}${box}${dots}</g>`,
    `<line x1="${median}" y1="${y - 11}" x2="${median}" y2="${y + 11}" stroke="${colors[way]}" stroke-width="2"/>`,
    `<text x="${(x(summary.maximum) + 8).toFixed(1)}" y="${y + 4}">${amount(summary.median)}</text>`,
  ].join("");
}

/** Text for HTML and attributes: names come from images and are not to be trusted. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
