import { textWidth } from "../terminal/width.ts";

const minimumWidth = 10;
const padding = 3;

/**
 * Lines with tabs as aligned columns, as Go's tabwriter with the settings of Docker's CLI: cells are
 * at least 10 columns wide and 3 apart, the last of a line is not padded.
 */
export function alignTabs(lines: readonly string[]): string[] {
  const rows = lines.map((line) => line.split("\t"));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.slice(0, -1).entries()) {
      widths[index] = Math.max(widths[index] ?? minimumWidth, textWidth(cell) + padding);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, index) =>
        index === row.length - 1 ? cell : cell + " ".repeat((widths[index] ?? 0) - textWidth(cell)),
      )
      .join(""),
  );
}
