import type { Command } from "../command.ts";
import { outputFileFlag, refuseTerminal, writeStreamTo } from "../output-file.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  minimum: 1,
  maximum: 1,
  completes: ["containers"],
  flags: [outputFileFlag],
  examples: [{ what: "The whole file system as a tar", line: "duet export -o web.tar web" }],
  async run(context) {
    const { flags, words, signal } = context;
    const output = flags.string("output");
    if (output === undefined) refuseTerminal(context);
    await writeStreamTo(context, output, context.duet().containers.export(words[0]!, signal));
  },
};
