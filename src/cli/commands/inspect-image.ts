import type { Command } from "../command.ts";
import { inspectFormatFlag, inspectWords } from "../inspect.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  minimum: 1,
  completes: ["images"],
  flags: [inspectFormatFlag],
  examples: [
    { what: "The environment it sets", line: "duet image inspect -f '{{json .Config.Env}}' nginx" },
  ],
  async run(context) {
    return await inspectWords(context, (word) =>
      context.duet().images.inspect(word, context.signal),
    );
  },
};
