import type { Command } from "../command.ts";
import { completeLine } from "../completion/complete.ts";
import { completionScript } from "../completion/scripts.ts";
import { usageError } from "../flags.ts";

export const command: Command = {
  usage: "bash|zsh|fish",
  minimum: 1,
  stopsAtPositional: true,
  completes: [["bash", "zsh", "fish"]],
  description:
    "The script asks duet itself for candidates: commands, flags, and the names of containers, images, networks and volumes.",
  flags: [],
  examples: [
    { what: "For this bash", line: "source <(duet completion bash)" },
    { what: "For every fish", line: "duet completion fish > ~/.config/fish/completions/duet.fish" },
  ],
  async run(context) {
    const [shell = "", ...words] = context.words;
    if (shell === "candidates") {
      for (const candidate of await completeLine(words, context)) context.terminal.print(candidate);
      return;
    }
    const script = completionScript(shell);
    if (script === undefined)
      throw usageError(
        "UNKNOWN_SHELL",
        `there is no completion for '${shell}'`,
        "use bash, zsh or fish",
      );
    context.terminal.print(script);
  },
};
