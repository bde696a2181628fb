import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["running-containers"],
  flags: [
    { name: "signal", short: "s", kind: "string", summary: "Signal to send to the container" },
  ],
  examples: [
    { what: "Kill at once", line: "duet kill web" },
    { what: "Ask nginx to read its configuration again", line: "duet kill -s HUP web" },
  ],
  async run(context) {
    const { containers } = context.duet();
    const name = context.flags.string("signal");
    return await forEachWord(context, (word) => containers.kill(word, name, context.signal));
  },
};
