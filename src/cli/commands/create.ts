import { createBody, createFlags } from "../container/create-body.ts";
import { createContainer } from "../container/create-container.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  minimum: 1,
  stopsAtPositional: true,
  failureExit: 125,
  completes: ["images"],
  flags: createFlags,
  examples: [
    {
      what: "Create a VM now, start it later",
      line: "duet create --isolation vm --name web nginx && duet start web",
    },
  ],
  async run(context) {
    const { flags, words, terminal } = context;
    const [image = "", ...rest] = words;
    const body = createBody(flags, image, rest, terminal);
    terminal.print(await createContainer(context, body, "errors"));
  },
};
