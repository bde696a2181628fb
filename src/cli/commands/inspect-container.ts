import type { Command } from "../command.ts";
import { inspectFormatFlag, inspectWords } from "../inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["containers"],
  flags: [
    inspectFormatFlag,
    { name: "size", short: "s", kind: "boolean", summary: "Display total file sizes" },
  ],
  examples: [
    { what: "Its address", line: "duet container inspect -f '{{.NetworkSettings.IPAddress}}' web" },
  ],
  async run(context) {
    return await inspectWords(context, (word) =>
      context.duet().containers.inspect(word, context.flags.boolean("size"), context.signal),
    );
  },
};
