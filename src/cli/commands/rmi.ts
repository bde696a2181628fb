import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  minimum: 1,
  completes: ["images"],
  flags: [
    { name: "force", short: "f", kind: "boolean", summary: "Force removal of the image" },
    { name: "no-prune", kind: "boolean", summary: "Do not delete untagged parents" },
  ],
  examples: [
    { what: "Remove a name, and the image with its last one", line: "duet rmi nginx:1.26" },
  ],
  async run(context) {
    const { flags, signal } = context;
    const query = { force: flags.boolean("force"), noprune: flags.boolean("no-prune") };
    return await forEachWord(context, async (word) => {
      const entries = await context.duet().images.remove(word, query, signal);
      return entries
        .map((entry) =>
          entry.Untagged === undefined
            ? `Deleted: ${entry.Deleted}`
            : `Untagged: ${entry.Untagged}`,
        )
        .join("\n");
    });
  },
};
