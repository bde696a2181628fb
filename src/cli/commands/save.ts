import type { Command } from "../command.ts";
import { outputFileFlag, refuseTerminal, writeStreamTo } from "../output-file.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  minimum: 1,
  completes: ["images"],
  flags: [outputFileFlag],
  examples: [{ what: "Two images in one archive", line: "duet save -o both.tar nginx busybox" }],
  async run(context) {
    const { flags, words, signal } = context;
    const output = flags.string("output");
    if (output === undefined) refuseTerminal(context);
    await writeStreamTo(context, output, context.duet().images.save(words, signal));
  },
};
