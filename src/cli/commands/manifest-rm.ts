import type { Command } from "../command.ts";
import { forEachWord } from "../for-each-word.ts";
import { removeList } from "../manifest-lists.ts";

export const command: Command = {
  usage: "LIST [LIST...]",
  description: "Removes lists that were made here and not pushed; nothing at a registry.",
  minimum: 1,
  flags: [],
  examples: [{ what: "Forget a list", line: "duet manifest rm registry.example.com/app:1" }],
  async run(context) {
    return await forEachWord(context, removeList);
  },
};
