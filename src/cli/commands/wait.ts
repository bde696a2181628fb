import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";
import { exitCodeOfWait } from "../session/exit-code.ts";

export const command: Command = {
  usage: "CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["running-containers"],
  flags: [],
  examples: [{ what: "Print the exit code once it has ended", line: "duet wait job" }],
  async run(context) {
    const { containers } = context.duet();
    return await forEachWord(context, async (word) => {
      const { exit } = await containers.wait(word, "not-running", context.signal);
      return String(exitCodeOfWait(await exit));
    });
  },
};
