import type { Command } from "../command.ts";
import { usageError } from "../flags.ts";
import { commandHelp, findEntry, groupHelp, groupWords, overview } from "../help.ts";

export const command: Command = {
  usage: "[COMMAND]",
  minimum: 0,
  maximum: 2,
  flags: [],
  examples: [{ what: "All about run", line: "duet help run" }],
  async run({ words, terminal }) {
    terminal.print(await showHelp(words, terminal.columns()));
  },
};

/** The text of `duet [WORDS] --help`. Throws `invalid` for words that are no command. */
export async function showHelp(words: readonly string[], columns: number): Promise<string> {
  if (words.length === 0) return overview(columns);
  const found = findEntry(words);
  if (found !== undefined) {
    const { command: wanted } = await found.entry.load();
    return commandHelp(found.entry, wanted, columns);
  }
  const group = groupWords().find((word) => word === words[0]);
  if (group !== undefined) return groupHelp(group);
  throw usageError(
    "UNKNOWN_COMMAND",
    `'${words.join(" ")}' is not a duet command`,
    "see 'duet --help'",
  );
}
