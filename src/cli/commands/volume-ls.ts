import type { Command } from "../command.ts";
import { formatList } from "../format/table.ts";
import { filtersOf } from "../list/filters.ts";
import { filterFlag, formatFlag, noTruncFlag, quietFlag } from "../list/list-flags.ts";
import { volumeColumns } from "../list/network-columns.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [filterFlag, formatFlag, noTruncFlag, quietFlag("volume names")],
  examples: [
    { what: "Volumes that no container uses", line: "duet volume ls --filter dangling=true" },
  ],
  async run({ flags, duet, terminal, signal }) {
    const rows = await duet().volumes.list(filtersOf(flags.list("filter")), signal);
    const lines = formatList(
      volumeColumns,
      rows.toSorted((left, right) => (left.Name < right.Name ? -1 : 1)),
      {
        format: flags.string("format"),
        standard: "{{.Driver}}\\t{{.Name}}",
        quiet: flags.boolean("quiet") ? "Name" : undefined,
      },
    );
    for (const line of lines) terminal.print(line);
  },
};
