import type { Command } from "../command.ts";
import { stopFlags, stopQuery } from "../container/stop-flags.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["running-containers"],
  flags: stopFlags,
  examples: [{ what: "Give it three seconds to end by itself", line: "duet stop -t 3 web" }],
  async run(context) {
    const { flags, signal } = context;
    const { containers } = context.duet();
    const query = stopQuery(flags);
    return await forEachWord(context, (word) => containers.stop(word, query, signal));
  },
};
