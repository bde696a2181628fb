import { metrics, type Comparison, type Way } from "./comparison.ts";
import { escapeHtml, plotMetric } from "./plot.ts";
import type { Summary } from "./statistics.ts";
import {
  doorLines,
  headline,
  isolationRows,
  metricRows,
  missingLines,
  type Row,
} from "./text-report.ts";

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.85rem; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { fill: currentColor; font-size: 12px; } .axis { stroke: #8888; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 0 2rem; }
`;

/** The comparison as one file of HTML with inline SVG: no script, nothing fetched. */
export function htmlReport(comparison: Comparison): string {
  const missing = missingLines(comparison.reports);
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escapeHtml(`Duet: ${comparison.image} natively, as container and as VM`)}</title>`,
    `<style>${style}</style></head><body>`,
    `<h1>${escapeHtml(comparison.image)}: native, container, VM</h1>`,
    `<p>${escapeHtml(headline(comparison))}. Measured at ${escapeHtml(comparison.measuredAt)} with Duet ${escapeHtml(comparison.daemon.version)}.</p>`,
    ...comparison.advice.map((line) => `<p><strong>${escapeHtml(line)}</strong></p>`),
    "<h2>Plots</h2><p>Each dot is a sample, the wide bar holds the middle half, the line is the median.</p>",
    `<div class="plots">${plots(comparison)}</div>`,
    "<h2>Numbers</h2>",
    tableOf(metricRows(comparison)),
    "<h2>Isolation</h2>",
    tableOf(isolationRows(comparison)),
    "<p>Doors that root opened:</p><ul>",
    ...doorLines(comparison.reports).map((line) => `<li>${escapeHtml(line)}</li>`),
    "</ul>",
    ...(missing.length === 0
      ? []
      : [
          "<h2>Not measured</h2><ul>",
          ...missing.map((line) => `<li>${escapeHtml(line)}</li>`),
          "</ul>",
        ]),
    "</body></html>",
    "",
  ].join("\n");
}

function plots(comparison: Comparison): string {
  return metrics
    .flatMap(({ name, label, unit, lessIsBetter }) => {
      const rows = comparison.reports.flatMap((report): (readonly [Way, Summary])[] => {
        const summary = report.metrics[name];
        return summary === undefined ? [] : [[report.way, summary]];
      });
      if (rows.length === 0) return [];
      const caption = `${label}, ${unit} (${lessIsBetter ? "less" : "more"} is better)`;
      return [
        `<figure><figcaption>${escapeHtml(caption)}</figcaption>${plotMetric(label, unit, rows)}</figure>`,
      ];
    })
    .join("\n");
}

function tableOf(rows: readonly Row[]): string {
  const [head = [], ...body] = rows;
  const cells = (row: Row, tag: string): string =>
    row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("");
  return `<table><thead><tr>${cells(head, "th")}</tr></thead><tbody>${body.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n")}</tbody></table>`;
}
