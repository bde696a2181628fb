import type { Filters } from "../client/api-types.ts";
import type { Command, Context } from "./command.ts";
import { confirm } from "./confirm.ts";
import type { FlagSpec } from "./flags.ts";
import { filtersOf } from "./list/filters.ts";
import { forceFlag, pruneFilterFlag } from "./list/list-flags.ts";
import { printPruned, printReclaimed } from "./prune.ts";

/** What a prune says and does, for one kind of object. */
export interface Prune {
  /** Besides `--force` and `--filter`. */
  readonly flags: readonly FlagSpec[];
  /** How it is called without asking. */
  readonly line: string;
  /** Over the names of what went. */
  readonly title: string;
  /** What will be removed, for who is asked. */
  warning(context: Context, filters: Filters): string;
  /** `reclaimed` in bytes; absent where Docker says nothing of it. */
  run(
    context: Context,
    filters: Filters,
  ): Promise<{ readonly names: readonly string[]; readonly reclaimed?: number }>;
}

export function pruneCommand(prune: Prune): Command {
  return {
    usage: "[OPTIONS]",
    minimum: 0,
    maximum: 0,
    flags: [...prune.flags, forceFlag, pruneFilterFlag("until=<timestamp>")],
    examples: [{ what: "Without asking", line: prune.line }],
    async run(context) {
      const { flags, terminal } = context;
      const filters = filtersOf(flags.list("filter"));
      if (!(await confirm(context, prune.warning(context, filters)))) return;
      const { names, reclaimed } = await prune.run(context, filters);
      printPruned(terminal, prune.title, names);
      if (reclaimed !== undefined) printReclaimed(terminal, reclaimed);
    },
  };
}
