import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { filtersOf } from "../list/filters.ts";
import { forceFlag } from "../list/list-flags.ts";
import { printPruned, printReclaimed } from "../prune.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    {
      name: "all",
      short: "a",
      kind: "boolean",
      summary: "Remove all unused volumes, not just anonymous ones",
    },
    forceFlag,
    {
      name: "filter",
      kind: "list",
      value: "filter",
      summary: 'Provide filter values (e.g. "until=<timestamp>")',
    },
  ],
  examples: [{ what: "Without asking", line: "duet volume prune -f" }],
  async run(context) {
    const { flags, terminal, signal } = context;
    if (
      !(await confirm(
        context,
        `This will remove ${flags.boolean("all") ? "all" : "anonymous"} local volumes not used by at least one container.`,
      ))
    )
      return;
    const filters = {
      ...filtersOf(flags.list("filter")),
      ...(flags.boolean("all") ? { all: ["true"] } : {}),
    };
    const answer = await context.duet().volumes.prune(filters, signal);
    printPruned(terminal, "Deleted Volumes", answer.VolumesDeleted ?? []);
    printReclaimed(terminal, answer.SpaceReclaimed);
  },
};
