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
    forceFlag,
    {
      name: "filter",
      kind: "list",
      value: "filter",
      summary: 'Provide filter values (e.g. "until=<timestamp>")',
    },
  ],
  examples: [{ what: "Without asking", line: "duet container prune -f" }],
  async run(context) {
    const { flags, terminal, signal } = context;
    if (!(await confirm(context, "This will remove all stopped containers."))) return;
    const answer = await context.duet().containers.prune(filtersOf(flags.list("filter")), signal);
    printPruned(terminal, "Deleted Containers", answer.ContainersDeleted ?? []);
    printReclaimed(terminal, answer.SpaceReclaimed);
  },
};
