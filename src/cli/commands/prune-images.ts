import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { filtersOf } from "../list/filters.ts";
import { forceFlag } from "../list/list-flags.ts";
import { imageLines, printPruned, printReclaimed } from "../prune.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    {
      name: "all",
      short: "a",
      kind: "boolean",
      summary: "Remove all unused images, not just dangling ones",
    },
    forceFlag,
    {
      name: "filter",
      kind: "list",
      value: "filter",
      summary: 'Provide filter values (e.g. "until=<timestamp>")',
    },
  ],
  examples: [{ what: "Without asking", line: "duet image prune -af" }],
  async run(context) {
    const { flags, terminal, signal } = context;
    const filters = filtersOf(flags.list("filter"));
    // As --all's; where both are said and differ, the daemon refuses it.
    const named = filters["dangling"] ?? [];
    const isAll = flags.boolean("all") || named.some((value) => value === "false" || value === "0");
    const dangling =
      named.length > 0 && !flags.boolean("all") ? named : [...named, String(!flags.boolean("all"))];
    if (
      !(await confirm(
        context,
        `This will remove all ${isAll ? "images without at least one container associated to them" : "dangling images"}.`,
      ))
    )
      return;
    const answer = await context.duet().images.prune({ ...filters, dangling }, signal);
    printPruned(terminal, "Deleted Images", imageLines(answer.ImagesDeleted ?? []));
    printReclaimed(terminal, answer.SpaceReclaimed);
  },
};
