import type { Command } from "../command.ts";
import { inspectFormatFlag, inspectWords } from "../inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  minimum: 1,
  completes: ["volumes"],
  flags: [inspectFormatFlag],
  examples: [
    { what: "Where it is on the host", line: "duet volume inspect -f '{{.Mountpoint}}' data" },
  ],
  async run(context) {
    return await inspectWords(context, (word) =>
      context.duet().volumes.inspect(word, context.signal),
    );
  },
};
