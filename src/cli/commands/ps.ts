import type { ContainerSummary } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { formatList } from "../format/table.ts";
import { containerColumns } from "../list/container-columns.ts";
import { allFlag, filterFlag, formatFlag, noTruncFlag, quietFlag } from "../list/list-flags.ts";
import { filtersOf } from "../list/filters.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    allFlag("Show all containers (default shows just running)"),
    filterFlag,
    formatFlag,
    {
      name: "last",
      short: "n",
      kind: "integer",
      default: "-1",
      summary: "Show n last created containers (includes all states)",
    },
    {
      name: "latest",
      short: "l",
      kind: "boolean",
      summary: "Show the latest created container (includes all states)",
    },
    noTruncFlag,
    quietFlag("container IDs"),
    { name: "size", short: "s", kind: "boolean", summary: "Display total file sizes" },
  ],
  examples: [
    { what: "Everything, stopped ones too", line: "duet ps -a" },
    { what: "Which are VMs?", line: "duet ps --format 'table {{.Names}}\\t{{.Isolation}}'" },
    { what: "Stopped ones by id, for scripts", line: "duet ps -q --filter status=exited" },
  ],
  async run({ flags, duet, terminal, signal }) {
    const last = flags.boolean("latest") ? 1 : (flags.integer("last") ?? -1);
    const size = flags.boolean("size");
    const format = flags.string("format");
    const query = {
      all: flags.boolean("all") || last > 0,
      size: size || (format !== undefined && /\.Size\b/.test(format)),
      filters: filtersOf(flags.list("filter")),
      ...(last > 0 ? { limit: last } : {}),
    };
    const rows = await duet().containers.list(query, signal);
    const columns = containerColumns(!flags.boolean("no-trunc"));
    const quiet = flags.boolean("quiet") ? "ID" : undefined;
    for (const line of formatList<ContainerSummary>(columns, rows, {
      format,
      standard: standard(size),
      quiet,
    })) {
      terminal.print(line);
    }
  },
};

function standard(size: boolean): string {
  const fields = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Isolation", "Names"];
  return [...fields, ...(size ? ["Size"] : [])].map((name) => `{{.${name}}}`).join("\t");
}
