import type { Command } from "../command.ts";
import { formatList } from "../format/table.ts";
import { filtersOf } from "../list/filters.ts";
import { filterFlag, formatFlag, noTruncFlag, quietFlag } from "../list/list-flags.ts";
import { networkColumns } from "../list/network-columns.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [filterFlag, formatFlag, noTruncFlag, quietFlag("network IDs")],
  examples: [{ what: "All networks", line: "duet network ls" }],
  async run({ flags, duet, terminal, signal }) {
    const rows = await duet().networks.list(filtersOf(flags.list("filter")), signal);
    const lines = formatList(
      networkColumns(!flags.boolean("no-trunc")),
      rows.toSorted((left, right) => (left.Name < right.Name ? -1 : 1)),
      {
        format: flags.string("format"),
        standard: "{{.ID}}\\t{{.Name}}\\t{{.Driver}}\\t{{.Scope}}",
        quiet: flags.boolean("quiet") ? "ID" : undefined,
      },
    );
    for (const line of lines) terminal.print(line);
  },
};
