import type { Command } from "../command.ts";
import { allFlag } from "../list/list-flags.ts";
import { pruneCommand } from "../prune-command.ts";

export const command: Command = pruneCommand({
  flags: [allFlag("Remove all unused volumes, not just anonymous ones")],
  line: "duet volume prune -f",
  title: "Deleted Volumes",
  warning({ flags }) {
    const which = flags.boolean("all") ? "all" : "anonymous";
    return `This will remove ${which} local volumes not used by at least one container.`;
  },
  async run({ duet, flags, signal }, filters) {
    const all = flags.boolean("all") ? { all: ["true"] } : {};
    const answer = await duet().volumes.prune({ ...filters, ...all }, signal);
    return { names: answer.VolumesDeleted ?? [], reclaimed: answer.SpaceReclaimed };
  },
});
