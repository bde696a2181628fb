import type { Command } from "../command.ts";
import { pruneCommand } from "../prune-command.ts";

export const command: Command = pruneCommand({
  flags: [],
  line: "duet network prune -f",
  title: "Deleted Networks",
  warning: () => "This will remove all custom networks not used by at least one container.",
  async run({ duet, signal }, filters) {
    const answer = await duet().networks.prune(filters, signal);
    return { names: answer.NetworksDeleted ?? [] };
  },
});
