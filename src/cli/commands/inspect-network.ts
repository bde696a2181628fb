import type { Command } from "../command.ts";
import { inspectFormatFlag, inspectWords } from "../inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  minimum: 1,
  completes: ["networks"],
  flags: [
    inspectFormatFlag,
    { name: "verbose", short: "v", kind: "boolean", summary: "Verbose output for diagnostics" },
  ],
  examples: [{ what: "Its subnet and members", line: "duet network inspect bridge" }],
  async run(context) {
    return await inspectWords(context, (word) =>
      context.duet().networks.inspect(word, context.flags.boolean("verbose"), context.signal),
    );
  },
};
