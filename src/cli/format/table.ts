import { alignTabs } from "./tabs.ts";
import { goJson } from "../../kit/go-template/go-text.ts";
import { compileTemplate } from "../../kit/go-template/template.ts";

/** One field that `--format` can name: its header in tables and its value. */
export interface Column<Row> {
  readonly header: string;
  /** A function value is a method with arguments, such as `.Label "name"`. */
  value(row: Row): unknown;
}

export type Columns<Row> = Readonly<Record<string, Column<Row>>>;

export interface ListFormat {
  /** `--format` as given: a template, `table`, `table TEMPLATE`, `json`, or undefined. */
  readonly format: string | undefined;
  /** `table …` template used without `--format`. */
  readonly standard: string;
  /** `-q`: one field a line. */
  readonly quiet?: string | undefined;
}

/** The lines that a list command prints, header included, in Docker's formats. */
export function formatList<Row>(
  columns: Columns<Row>,
  rows: readonly Row[],
  options: ListFormat,
): string[] {
  if (options.quiet !== undefined && options.format === undefined) {
    const column = columns[options.quiet]!;
    return rows.map((row) => String(column.value(row)));
  }
  const format = options.format ?? "table";
  if (format === "json") return rows.map((row) => goJson(valuesOf(columns, row)));
  const table = /^table(?:\s+|$)([^]*)$/.exec(format);
  const body = table === null ? format : table[1] === "" ? options.standard : table[1]!;
  const text = body.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  const template = compileTemplate(text);
  const lines = rows.map((row) => template(valuesOf(columns, row)));
  if (table === null) return lines;
  return alignTabs([compileTemplate(text, { header: true })(headersOf(columns)), ...lines]);
}

function valuesOf<Row>(columns: Columns<Row>, row: Row): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(columns)) {
    Object.defineProperty(values, name, { enumerable: true, get: () => column.value(row) });
  }
  return values;
}

function headersOf<Row>(columns: Columns<Row>): Record<string, unknown> {
  const headers = Object.entries(columns).map(([name, column]) => [name, column.header] as const);
  return { ...Object.fromEntries(headers), Label: (name: unknown) => String(name) };
}
