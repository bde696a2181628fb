import type { Command } from "../command.ts";
import { pullImage, withTag } from "../session/pull-image.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  minimum: 1,
  maximum: 1,
  completes: ["images"],
  flags: [
    {
      name: "all-tags",
      short: "a",
      kind: "boolean",
      summary: "Download all tagged images in the repository",
    },
    {
      name: "all-platforms",
      kind: "boolean",
      summary: "Also bring what the image has for other platforms, to push it on whole",
    },
    {
      name: "platform",
      kind: "string",
      summary: "Set platform if server is multi-platform capable",
    },
    {
      name: "timings",
      kind: "boolean",
      summary: "Tell at the end what the pull spent its time on",
    },
    { name: "quiet", short: "q", kind: "boolean", summary: "Suppress verbose output" },
    {
      name: "disable-content-trust",
      kind: "boolean",
      summary: "Taken for Docker's sake",
      hidden: true,
    },
  ],
  examples: [
    { what: "The newest nginx", line: "duet pull nginx" },
    { what: "What took its time", line: "duet pull --timings nginx" },
    { what: "For another architecture", line: "duet pull --platform linux/arm64 nginx:1.27" },
  ],
  async run(context) {
    const { flags, words, terminal } = context;
    const reference = words[0]!;
    const quiet = flags.boolean("quiet");
    const allTags = flags.boolean("all-tags");
    const name = allTags ? reference : withTag(reference);
    if (!quiet && name !== reference) terminal.print("Using default tag: latest");
    await pullImage(context, reference, {
      platform: flags.string("platform"),
      quiet,
      allTags,
      allPlatforms: flags.boolean("all-platforms"),
      timings: flags.boolean("timings"),
      to: "output",
    });
    terminal.print(name);
  },
};
