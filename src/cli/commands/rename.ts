import type { Command } from "../command.ts";

export const command: Command = {
  usage: "CONTAINER NEW_NAME",
  minimum: 2,
  maximum: 2,
  completes: ["containers"],
  flags: [],
  examples: [{ what: "Call it blog from now on", line: "duet rename web blog" }],
  async run({ words, duet, signal }) {
    const [reference = "", name = ""] = words;
    await duet().containers.rename(reference, name, signal);
  },
};
