import { compareImage } from "../../compare/compare.ts";
import { htmlReport } from "../../compare/html-report.ts";
import {
  doorLines,
  headline,
  isolationRows,
  metricRows,
  missingLines,
  type Row,
} from "../../compare/text-report.ts";
import type { Comparison } from "../../compare/comparison.ts";
import type { Command, Context } from "../command.ts";
import { usageError } from "../flags.ts";
import { writeFileWith } from "../output-file.ts";
import { alignTabs } from "../format/tabs.ts";
import { printable } from "../report-error.ts";
import { isImageMissing, pullImage } from "../session/pull-image.ts";
import { paint } from "../terminal/terminal.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [-- COMMAND [ARG...]]",
  minimum: 1,
  stopsAtPositional: true,
  completes: ["images"],
  description:
    "Runs the same workload as a process of this host (where the program is here), as a container and as a VM, in turn, and measures time to answer, memory, disk, computing, system calls, files and network, and what root inside can reach. Every number is measured in this call.",
  flags: [
    {
      name: "runs",
      short: "n",
      kind: "integer",
      default: "5",
      summary: "Runs of the workload, each way",
    },
    {
      name: "rounds",
      kind: "integer",
      default: "5",
      summary: "Samples of each metric measured from inside",
    },
    { name: "sample", kind: "duration", default: "100ms", summary: "Length of one such sample" },
    {
      name: "patience",
      kind: "duration",
      default: "15s",
      summary: "A run that takes longer counts as a service",
    },
    {
      name: "format",
      kind: "string",
      default: "table",
      summary: "table or json",
      completes: ["table", "json"],
    },
    {
      name: "html",
      kind: "string",
      summary: "Also write a report with plots to this file",
      completes: "files",
    },
  ],
  examples: [
    { what: "Is a VM worth it here?", line: "duet compare busybox -- echo hello" },
    { what: "With a report to look at", line: "duet compare --html report.html nginx" },
    { what: "For a program", line: "duet compare -n 20 --format json hello-world" },
  ],
  async run(context) {
    const { flags, words, terminal, signal } = context;
    const [image = "", ...rest] = words;
    const format = flags.string("format") ?? "table";
    if (format !== "table" && format !== "json")
      throw usageError("BAD_FORMAT", `cannot format as "${format}"`, "use table or json");
    const counts = { runs: positive(context, "runs"), rounds: positive(context, "rounds") };
    await ensureImage(context, image);
    const comparison = await compareImage(
      context.duet(),
      {
        image,
        command: rest[0] === "--" ? rest.slice(1) : rest,
        ...counts,
        sample: Math.max(1, Math.round(flags.duration("sample") ?? 100)),
        patience: Math.max(100, flags.duration("patience") ?? 15_000),
        progress: (step, done, all) => showStep(context, step, done, all),
      },
      signal,
    );
    clearStep(context);
    const html = flags.string("html");
    if (html !== undefined) {
      const report = htmlReport(comparison);
      await writeFileWith(html, (file) => file.writeFile(report));
    }
    if (format === "json") terminal.print(JSON.stringify(comparison, null, 2));
    else printTable(context, comparison);
  },
};

function positive(context: Context, name: string): number {
  const value = context.flags.integer(name) ?? 1;
  if (value >= 1 && value <= 1_000) return value;
  throw usageError("BAD_COUNT", `--${name} must be from 1 to 1000, not ${value}`);
}

async function ensureImage(context: Context, image: string): Promise<void> {
  try {
    await context.duet().images.inspect(image, context.signal);
  } catch (error) {
    if (!isImageMissing(error)) throw error;
    await pullImage(context, image, { quiet: false, to: "errors" });
  }
}

/** One line that changes on a terminal; elsewhere a line a step, on standard error. */
function showStep({ terminal }: Context, step: string, done: number, all: number): void {
  const text = `[${done + 1}/${all}] ${step}`;
  terminal.errors.write(terminal.errorsIsTerminal ? `\r\u001b[K${text}` : `${text}\n`);
}

function clearStep({ terminal }: Context): void {
  if (terminal.errorsIsTerminal) terminal.errors.write("\r\u001b[K");
}

function printTable({ terminal }: Context, comparison: Comparison): void {
  const table = (rows: readonly Row[]): void => {
    const lines = alignTabs(rows.map((row) => row.map(printable).join("\t")));
    for (const [index, line] of lines.entries())
      terminal.print(index === 0 ? paint(terminal.color, "bold", line) : line);
  };
  terminal.print(printable(headline(comparison)));
  terminal.print("Median (middle half, p99).\n");
  table(metricRows(comparison));
  terminal.print("");
  table(isolationRows(comparison));
  terminal.print(`\n${paint(terminal.color, "bold", "Doors that root opened")}`);
  for (const line of doorLines(comparison.reports)) terminal.print(`  ${printable(line)}`);
  const missing = missingLines(comparison.reports);
  if (missing.length > 0) terminal.print(`\n${paint(terminal.color, "bold", "Not measured")}`);
  for (const line of missing) terminal.print(`  ${printable(line)}`);
  terminal.print("");
  for (const line of comparison.advice) terminal.print(printable(line));
}
