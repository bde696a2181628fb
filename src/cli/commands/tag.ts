import type { Command } from "../command.ts";

export const command: Command = {
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  minimum: 2,
  maximum: 2,
  completes: ["images"],
  flags: [],
  examples: [{ what: "Name it for a registry", line: "duet tag app localhost:5000/app:1.0" }],
  async run({ words, duet, signal }) {
    const [source = "", target = ""] = words;
    await duet().images.tag(source, target, signal);
  },
};
