import type { Command } from "../command.ts";
import { pruneCommand } from "../prune-command.ts";

export const command: Command = pruneCommand({
  flags: [],
  line: "duet container prune -f",
  title: "Deleted Containers",
  warning: () => "This will remove all stopped containers.",
  async run({ duet, signal }, filters) {
    const answer = await duet().containers.prune(filters, signal);
    return { names: answer.ContainersDeleted ?? [], reclaimed: answer.SpaceReclaimed };
  },
});
