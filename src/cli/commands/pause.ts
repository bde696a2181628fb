import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["running-containers"],
  flags: [],
  examples: [{ what: "Suspend a container", line: "duet pause web" }],
  async run(context) {
    const { signal } = context;
    const { containers } = context.duet();
    return await forEachWord(context, (word) => containers.pause(word, signal));
  },
};
