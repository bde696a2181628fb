import type { Command } from "../command.ts";

export const command: Command = {
  usage: "[OPTIONS] NETWORK CONTAINER",
  minimum: 2,
  maximum: 2,
  completes: ["networks", "containers"],
  flags: [
    {
      name: "force",
      short: "f",
      kind: "boolean",
      summary: "Force the container to disconnect from a network",
    },
  ],
  examples: [{ what: "Take it off the network", line: "duet network disconnect app web" }],
  async run({ flags, words, duet, signal }) {
    const [network = "", container = ""] = words;
    await duet().networks.disconnect(network, container, flags.boolean("force"), signal);
  },
};
