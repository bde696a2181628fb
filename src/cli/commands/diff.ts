import type { Command } from "../command.ts";

const letters = ["C", "A", "D"] as const;

export const command: Command = {
  usage: "CONTAINER",
  minimum: 1,
  maximum: 1,
  completes: ["containers"],
  flags: [],
  description: "A is added, C changed, D deleted.",
  examples: [{ what: "What did it write?", line: "duet diff web" }],
  async run({ words, duet, terminal, signal }) {
    for (const { Kind, Path } of await duet().containers.changes(words[0]!, signal)) {
      terminal.print(`${letters[Kind]} ${Path}`);
    }
  },
};
