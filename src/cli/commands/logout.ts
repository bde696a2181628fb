import type { Command } from "../command.ts";
import { eraseCredentials, registryKey } from "../../client/credentials.ts";

export const command: Command = {
  usage: "[SERVER]",
  minimum: 0,
  maximum: 1,
  flags: [],
  examples: [{ what: "Forget the credentials of a registry", line: "duet logout localhost:5000" }],
  async run({ words, terminal, signal }) {
    const registry = registryKey(words[0] ?? "");
    terminal.print(`Removing login credentials for ${registry}`);
    if (!(await eraseCredentials(registry, { signal })))
      terminal.warn(`Not logged in to ${registry}`);
  },
};
