import type { Filters } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import type { Flags } from "../flags.ts";
import { allFlag } from "../list/list-flags.ts";
import { imageLines } from "../prune.ts";
import { pruneCommand } from "../prune-command.ts";

export const command: Command = pruneCommand({
  flags: [allFlag("Remove all unused images, not just dangling ones")],
  line: "duet image prune -af",
  title: "Deleted Images",
  warning({ flags }, filters) {
    // As --all's; where both are said and differ, the daemon refuses it.
    const isAll =
      flags.boolean("all") || named(filters).some((value) => value === "false" || value === "0");
    const which = isAll
      ? "images without at least one container associated to them"
      : "dangling images";
    return `This will remove all ${which}.`;
  },
  async run({ duet, flags, signal }, filters) {
    const dangling = danglingOf(flags, filters);
    const answer = await duet().images.prune({ ...filters, dangling }, signal);
    return { names: imageLines(answer.ImagesDeleted ?? []), reclaimed: answer.SpaceReclaimed };
  },
});

function named(filters: Filters): readonly string[] {
  return filters["dangling"] ?? [];
}

function danglingOf(flags: Flags, filters: Filters): readonly string[] {
  const all = flags.boolean("all");
  return named(filters).length > 0 && !all ? named(filters) : [...named(filters), String(!all)];
}
