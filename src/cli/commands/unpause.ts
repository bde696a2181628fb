import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["containers"],
  flags: [],
  examples: [{ what: "Let it go on", line: "duet unpause web" }],
  async run(context) {
    const { signal } = context;
    const { containers } = context.duet();
    return await forEachWord(context, (word) => containers.unpause(word, signal));
  },
};
