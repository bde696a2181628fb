import { isDuetError } from "../../kit/errors.ts";
import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  minimum: 1,
  completes: ["networks"],
  flags: [
    {
      name: "force",
      short: "f",
      kind: "boolean",
      summary: "Do not error if the network does not exist",
    },
  ],
  examples: [{ what: "Remove a network that nobody uses", line: "duet network rm app" }],
  async run(context) {
    const force = context.flags.boolean("force");
    return await forEachWord(context, async (word) => {
      try {
        await context.duet().networks.remove(word, context.signal);
      } catch (error) {
        if (!force || !isDuetError(error, "not-found")) throw error;
      }
    });
  },
};
