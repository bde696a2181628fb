import type { Command } from "../command.ts";
import { usageError } from "../flags.ts";
import { forEachWord } from "../for-each-word.ts";
import { attachedRun } from "../session/attached-run.ts";
import { detachKeysFlag, standardDetachKeys } from "../session/detach-keys.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  minimum: 1,
  completes: ["containers"],
  flags: [
    {
      name: "attach",
      short: "a",
      kind: "boolean",
      summary: "Attach STDOUT/STDERR and forward signals",
    },
    { name: "interactive", short: "i", kind: "boolean", summary: "Attach container's STDIN" },
    detachKeysFlag,
  ],
  examples: [
    { what: "Start in the background", line: "duet start web" },
    { what: "Start and take part", line: "duet start -ai shell" },
  ],
  async run(context) {
    const { flags, words, signal } = context;
    const { containers } = context.duet();
    const attached = flags.boolean("attach") || flags.boolean("interactive");
    if (!attached) return await forEachWord(context, (word) => containers.start(word, {}, signal));
    if (words.length > 1) {
      throw usageError(
        "TOO_MANY_CONTAINERS",
        "you cannot start and attach multiple containers at once",
      );
    }
    const detachKeys = flags.string("detach-keys") ?? standardDetachKeys;
    const inspect = await containers.inspect(words[0]!, false, signal);
    return await attachedRun(context, {
      id: inspect.Id,
      terminal: inspect.Config.Tty === true,
      streams: {
        stdin: flags.boolean("interactive") && inspect.Config.OpenStdin === true,
        stdout: true,
        stderr: true,
      },
      detachKeys,
      condition: inspect.HostConfig.AutoRemove === true ? "removed" : "next-exit",
      proxy: true,
      start: () => containers.start(inspect.Id, { detachKeys }, signal),
    });
  },
};
