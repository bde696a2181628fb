import type { Command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { filtersOf } from "../list/filters.ts";
import { allFlag, forceFlag, pruneFilterFlag } from "../list/list-flags.ts";
import { printPruned, printReclaimed } from "../prune.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    allFlag("Remove all unused build cache, not just what no image has"),
    pruneFilterFlag("until=24h"),
    forceFlag,
    {
      name: "reserved-space",
      kind: "bytes",
      summary: "Amount of disk space that the cache keeps in any case",
    },
    {
      name: "max-used-space",
      kind: "bytes",
      summary: "Amount of disk space that the cache may have",
    },
    {
      name: "min-free-space",
      kind: "bytes",
      summary: "Amount of disk space that is to be free after it",
    },
    {
      name: "keep-storage",
      kind: "bytes",
      summary: "The old name of --reserved-space",
      hidden: true,
    },
  ],
  examples: [
    {
      what: "What no build has used for two days",
      line: "duet builder prune -f --filter until=48h",
    },
    {
      what: "The files that clients have sent for their builds",
      line: "duet builder prune -f --filter type=source.local",
    },
  ],
  async run(context) {
    const { flags, terminal, signal } = context;
    const all = flags.boolean("all");
    if (!(await confirm(context, `This will remove all ${all ? "" : "dangling "}build cache.`)))
      return;
    const query = {
      all,
      filters: filtersOf(flags.list("filter")),
      reservedSpace: flags.bytes("reserved-space") ?? flags.bytes("keep-storage") ?? 0,
      maximumUsedSpace: flags.bytes("max-used-space") ?? 0,
      minimumFreeSpace: flags.bytes("min-free-space") ?? 0,
    };
    const { CachesDeleted, SpaceReclaimed } = await context
      .duet()
      .system.pruneBuildCache(query, signal);
    printPruned(terminal, "Deleted build cache objects", CachesDeleted ?? []);
    printReclaimed(terminal, SpaceReclaimed);
  },
};
