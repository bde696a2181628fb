import { usageError } from "../flags.ts";
import type { Command } from "../command.ts";
import { detachKeysFlag, standardDetachKeys } from "../session/detach-keys.ts";
import { attachedRun } from "../session/attached-run.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  minimum: 1,
  maximum: 1,
  completes: ["running-containers"],
  flags: [
    detachKeysFlag,
    { name: "no-stdin", kind: "boolean", summary: "Do not attach STDIN" },
    {
      name: "sig-proxy",
      kind: "boolean",
      default: "true",
      summary: "Proxy all received signals to the process",
    },
  ],
  examples: [{ what: "Attach; leave with ctrl-p ctrl-q", line: "duet attach shell" }],
  async run(context) {
    const { flags, words, terminal, signal } = context;
    const reference = words[0]!;
    const detachKeys = flags.string("detach-keys") ?? standardDetachKeys;
    const inspect = await context.duet().containers.inspect(reference, false, signal);
    if (!inspect.State.Running) {
      throw usageError(
        "NOT_RUNNING",
        "you cannot attach to a stopped container, start it first",
        `duet start -ai ${reference}`,
      );
    }
    if (inspect.State.Paused) {
      throw usageError(
        "PAUSED",
        "you cannot attach to a paused container, unpause it first",
        `duet unpause ${reference}`,
      );
    }
    const input = inspect.Config.OpenStdin === true && !flags.boolean("no-stdin");
    if (input && inspect.Config.Tty === true && !terminal.inputIsTerminal) {
      throw usageError("NOT_A_TERMINAL", "the input device is not a TTY", "use --no-stdin");
    }
    return await attachedRun(context, {
      id: inspect.Id,
      terminal: inspect.Config.Tty === true,
      streams: { stdin: input, stdout: true, stderr: true },
      detachKeys,
      condition: inspect.HostConfig.AutoRemove === true ? "removed" : "not-running",
      proxy: flags.boolean("sig-proxy"),
      start: null,
    });
  },
};
