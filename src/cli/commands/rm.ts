import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["containers"],
  flags: [
    {
      name: "force",
      short: "f",
      kind: "boolean",
      summary: "Force the removal of a running container (uses SIGKILL)",
    },
    {
      name: "volumes",
      short: "v",
      kind: "boolean",
      summary: "Remove anonymous volumes associated with the container",
    },
    { name: "link", short: "l", kind: "boolean", summary: "Remove the specified link" },
  ],
  examples: [
    { what: "Remove a stopped container", line: "duet rm web" },
    { what: "Remove everything, running or not", line: "duet rm -f $(duet ps -aq)" },
  ],
  async run(context) {
    const { flags, signal } = context;
    const { containers } = context.duet();
    const query = {
      force: flags.boolean("force"),
      volumes: flags.boolean("volumes"),
      link: flags.boolean("link"),
    };
    return await forEachWord(context, (word) => containers.remove(word, query, signal));
  },
};
