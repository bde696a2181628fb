import type { Command } from "../command.ts";
import { limitsOf, restartPolicy } from "../container/host-config.ts";
import { limitFlags } from "../container/resource-flags.ts";
import { forEachWord } from "../for-each-word.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["containers"],
  flags: [
    ...limitFlags,
    {
      name: "restart",
      kind: "string",
      summary: "Restart policy to apply when a container exits",
      completes: ["no", "always", "on-failure", "unless-stopped"],
    },
  ],
  examples: [
    { what: "Give it more memory", line: "duet update --memory 512m --memory-swap 1g web" },
  ],
  async run(context) {
    const { flags, terminal, signal } = context;
    const policy = flags.string("restart");
    const body = {
      ...limitsOf(flags),
      ...(policy === undefined ? {} : { RestartPolicy: restartPolicy(policy) }),
    };
    return await forEachWord(context, async (word) => {
      const { Warnings } = await context.duet().containers.update(word, body, signal);
      for (const warning of Warnings ?? []) terminal.warn(`WARNING: ${warning}`);
    });
  },
};
