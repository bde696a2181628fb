import type { PlanWarning } from "../../../domain/build/plan.ts";
import type { SourceRange } from "../../../domain/build/source-range.ts";
import type { Source } from "../control/status-message.ts";

/** Lines shown before and after those that are meant. */
const context = 2;

/** Warnings for people, as BuildKit's front end writes them. */
export function lintText(warnings: readonly PlanWarning[], source: Source): string {
  return warnings
    .map(({ rule, url, detail, ranges }) => {
      const link = url === "" ? "" : ` - ${url}`;
      return `\nWARNING: ${rule}${link}\n${detail}\n${excerpt(source, ranges)}`;
    })
    .join("");
}

function excerpt({ name, content }: Source, ranges: readonly SourceRange[]): string {
  const [first] = ranges;
  if (first === undefined) return "";
  const lines = content.toString("utf8").split("\n");
  const start = Math.max(1, first.first - context);
  const end = Math.min(lines.length, Math.max(...ranges.map(({ last }) => last)) + context);
  const isMeant = (line: number): boolean =>
    ranges.some((range) => line >= range.first && line <= range.last);
  const shown = lines.slice(start - 1, end).map((text, index) => {
    const line = start + index;
    return ` ${String(line).padStart(3)} | ${isMeant(line) ? ">>>" : "   "} ${text}\n`;
  });
  const rule = `${"-".repeat(20)}\n`;
  return `${name}:${first.first}\n${rule}${shown.join("")}${rule}`;
}
