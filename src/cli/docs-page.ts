import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { globalFlags, valueWord } from "./help.ts";
import type { FlagSpec } from "./flags.ts";
import { commandTable, groups, type TableEntry } from "./table.ts";

const target = join(import.meta.dirname, "../../docs/cli.md");

/** docs/cli.md: every command with its flags and examples, from the table that also parses them. */
export async function cliPage(): Promise<string> {
  const sections: string[] = [];
  for (const group of groups) {
    sections.push(`## ${group}`, "");
    for (const entry of commandTable.filter((one) => one.group === group)) {
      sections.push(...(await sectionOf(entry)));
    }
  }
  return [
    "# The command line",
    "",
    "Generated from the command table by `node src/cli/docs-page.ts`; `duet COMMAND --help` says the same.",
    "Verbs, flags and output formats are those of Docker's CLI. `--format` takes Go templates (fields, `range`, `if`,",
    "`with`, `index`, `len`, `eq`…, `json`, `join`, `upper`, `lower`, `title`, `split`, `truncate`, `pad`, `printf`),",
    "`table TEMPLATE` or `json`. `NO_COLOR` turns colour off. Exit codes of `run` and `exec`: the process's own, 125 when",
    "Duet failed, 126 when the command cannot be executed, 127 when it was not found.",
    "",
    "## Before the command",
    "",
    ...flagTable(globalFlags),
    "The daemon is looked for at `--host`, else `DUET_HOST`, else the socket of the run folder (`--run-dir`,",
    "`DUET_RUN_DIR`, the configuration file, `/run/duet`). Where none answers one is started, except when only a socket",
    "was named. `DOCKER_HOST` is not looked at: it says where Docker is.",
    "",
    ...sections,
  ].join("\n");
}

async function sectionOf(entry: TableEntry): Promise<string[]> {
  const { command } = await entry.load();
  const [name, ...aliases] = entry.names;
  const lines = [
    `### duet ${name}`,
    "",
    `${entry.summary}.`,
    "",
    "```",
    `duet ${name} ${command.usage}`,
    "```",
    "",
  ];
  if (aliases.length > 0)
    lines.push(`Also: ${aliases.map((alias) => `\`duet ${alias}\``).join(", ")}`, "");
  if (command.description !== undefined) lines.push(command.description, "");
  lines.push(...flagTable(command.flags));
  for (const { what, line } of command.examples) lines.push(`${what}:`, "", "```", line, "```", "");
  return lines;
}

function flagTable(flags: readonly FlagSpec[]): string[] {
  const shown = flags.filter((flag) => flag.hidden !== true);
  if (shown.length === 0) return [];
  return ["| flag | value | |", "| --- | --- | --- |", ...shown.map(rowOf), ""];
}

function rowOf(flag: FlagSpec): string {
  const short = flag.short === undefined ? "" : `\`-${flag.short}\`, `;
  const standard = flag.default === undefined ? "" : ` (default \`${flag.default}\`)`;
  const summary = flag.summary.replaceAll("|", "\\|").replaceAll("<", "&lt;");
  return `| ${short}\`--${flag.name}\` | ${valueWord(flag)} | ${summary}${standard} |`;
}

if (import.meta.main) writeFileSync(target, await cliPage());
