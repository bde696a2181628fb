import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { filtersOf } from "../list/filters.ts";
import { forceFlag } from "../list/list-flags.ts";
import { printPruned } from "../prune.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    forceFlag,
    {
      name: "filter",
      kind: "list",
      value: "filter",
      summary: 'Provide filter values (e.g. "until=<timestamp>")',
    },
  ],
  examples: [{ what: "Without asking", line: "duet network prune -f" }],
  async run(context) {
    const { flags, terminal, signal } = context;
    if (
      !(await confirm(
        context,
        "This will remove all custom networks not used by at least one container.",
      ))
    )
      return;
    const answer = await context.duet().networks.prune(filtersOf(flags.list("filter")), signal);
    printPruned(terminal, "Deleted Networks", answer.NetworksDeleted ?? []);
  },
};
