import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  minimum: 1,
  completes: ["volumes"],
  flags: [
    {
      name: "force",
      short: "f",
      kind: "boolean",
      summary: "Do not error if the volume does not exist",
    },
  ],
  examples: [{ what: "Remove a volume that no container uses", line: "duet volume rm data" }],
  async run(context) {
    const force = context.flags.boolean("force");
    return await forEachWord(context, (word) =>
      context.duet().volumes.remove(word, force, context.signal),
    );
  },
};
