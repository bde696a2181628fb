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
      summary: "Remove all unused build cache, not just what no image has",
    },
    {
      name: "filter",
      kind: "list",
      value: "filter",
      summary: 'Provide filter values (e.g. "until=24h")',
    },
    forceFlag,
    {
      name: "keep-storage",
      kind: "bytes",
      summary: "Amount of disk space to keep for cache",
    },
  ],
  examples: [
    {
      what: "What no build has used for two days",
      line: "duet builder prune -f --filter until=48h",
    },
  ],
  async run(context) {
    const { flags, terminal, signal } = context;
    const all = flags.boolean("all");
    if (!(await confirm(context, `This will remove all ${all ? "" : "dangling "}build cache.`)))
      return;
    const filters = filtersOf(flags.list("filter"));
    const query = { all, filters, keepStorage: flags.bytes("keep-storage") ?? 0 };
    const { CachesDeleted, SpaceReclaimed } = await context
      .duet()
      .system.pruneBuildCache(query, signal);
    printPruned(terminal, "Deleted build cache objects", CachesDeleted ?? []);
    printReclaimed(terminal, SpaceReclaimed);
  },
};
