import type { Command } from "../command.ts";
import { forgetAuth, standardRegistry } from "../registry-auth.ts";

export const command: Command = {
  usage: "[SERVER]",
  minimum: 0,
  maximum: 1,
  flags: [],
  examples: [{ what: "Forget the credentials of a registry", line: "duet logout localhost:5000" }],
  async run({ words, terminal }) {
    const registry = words[0] ?? standardRegistry;
    terminal.print(`Removing login credentials for ${registry}`);
    if (!(await forgetAuth(registry))) terminal.warn(`Not logged in to ${registry}`);
  },
};
