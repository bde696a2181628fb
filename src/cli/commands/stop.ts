import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["running-containers"],
  flags: [
    { name: "signal", short: "s", kind: "string", summary: "Signal to send to the container" },
    {
      name: "timeout",
      short: "t",
      kind: "integer",
      summary: "Seconds to wait before killing the container",
    },
    { name: "time", kind: "integer", summary: "As --timeout", hidden: true },
  ],
  examples: [{ what: "Give it three seconds to end by itself", line: "duet stop -t 3 web" }],
  async run(context) {
    const { flags, signal } = context;
    const { containers } = context.duet();
    const query = {
      timeout: flags.integer("timeout") ?? flags.integer("time"),
      signal: flags.string("signal"),
    };
    return await forEachWord(context, (word) => containers.stop(word, query, signal));
  },
};
