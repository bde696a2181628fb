import type { Command } from "../command.ts";
import { registryAuth } from "../registry-auth.ts";
import { withTag } from "../session/pull-image.ts";
import { ProgressDisplay } from "../terminal/progress.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG]",
  minimum: 1,
  maximum: 1,
  completes: ["images"],
  flags: [
    { name: "quiet", short: "q", kind: "boolean", summary: "Suppress verbose output" },
    {
      name: "disable-content-trust",
      kind: "boolean",
      summary: "Taken for Docker's sake",
      hidden: true,
    },
  ],
  examples: [{ what: "To a registry of your own", line: "duet push localhost:5000/app:1.0" }],
  async run({ flags, words, duet, terminal, signal }) {
    const reference = words[0]!;
    const quiet = flags.boolean("quiet");
    const auth = await registryAuth(reference, signal);
    using display = new ProgressDisplay(terminal.output, terminal);
    if (!quiet && withTag(reference) !== reference) terminal.print("Using default tag: latest");
    for await (const event of duet().images.push(reference, { auth }, signal))
      if (!quiet) display.show(event);
    if (quiet) terminal.print(withTag(reference));
  },
};
