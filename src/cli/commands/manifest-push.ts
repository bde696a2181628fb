import type { Command } from "../command.ts";
import { existingList, indexOf, removeList } from "../manifest-lists.ts";
import { registryAuth } from "../registry-auth.ts";

export const command: Command = {
  usage: "[OPTIONS] LIST",
  description:
    "Writes the list to its registry, and brings its images into the list's repository where they are in others.",
  minimum: 1,
  maximum: 1,
  flags: [
    { name: "purge", short: "p", kind: "boolean", summary: "Remove the list here afterwards" },
    { name: "insecure", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  ],
  examples: [{ what: "Write a list", line: "duet manifest push registry.example.com/app:1" }],
  async run({ flags, words, duet, terminal, signal }) {
    const name = words[0]!;
    const list = await existingList(name);
    const auth = await registryAuth(name, signal);
    const sources = list.manifests.map(({ source }) => source);
    const body = { ...indexOf(list), sources };
    const { digest } = await duet().manifests.write(name, body, auth, signal);
    terminal.print(digest);
    if (flags.boolean("purge")) await removeList(name);
  },
};
