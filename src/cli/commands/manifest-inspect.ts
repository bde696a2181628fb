import type { Command } from "../command.ts";
import { indexOf, readList } from "../manifest-lists.ts";
import { registryAuth } from "../registry-auth.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME",
  description:
    "Of a list that is being made what it will be; else what the registry has, as it is.",
  minimum: 1,
  maximum: 1,
  completes: ["images"],
  flags: [
    { name: "verbose", short: "v", kind: "boolean", summary: "Also its digest and platforms" },
    { name: "insecure", kind: "boolean", summary: "Taken for Docker's sake", hidden: true },
  ],
  examples: [{ what: "The index of nginx", line: "duet manifest inspect nginx" }],
  async run({ flags, words, duet, terminal, signal }) {
    const name = words[0]!;
    const list = await readList(name);
    if (list !== undefined) {
      terminal.print(indexOf(list).content);
      return;
    }
    const auth = await registryAuth(name, signal);
    const { content, ...found } = await duet().manifests.read(name, auth, signal);
    const manifest: unknown = JSON.parse(content);
    const shown = flags.boolean("verbose") ? { ...found, manifest } : manifest;
    terminal.print(JSON.stringify(shown, null, 3));
  },
};
