import { splitReference } from "../../client/images.ts";
import type { Command } from "../command.ts";
import { changeFlag } from "../new-image-flags.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  minimum: 1,
  maximum: 2,
  completes: ["containers", "images"],
  flags: [
    {
      name: "author",
      short: "a",
      kind: "string",
      summary: 'Author (e.g., "Ada Lovelace <ada@example.org>")',
    },
    changeFlag,
    { name: "message", short: "m", kind: "string", summary: "Commit message" },
    {
      name: "pause",
      short: "p",
      kind: "boolean",
      default: "true",
      summary: "Pause container during commit",
    },
  ],
  examples: [
    {
      what: "What it has become, as an image with another command",
      line: "duet commit -c 'CMD [\"serve\"]' web site:2",
    },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const [container = "", reference] = words;
    const target = reference === undefined ? null : splitReference(reference);
    const { Id } = await duet().containers.commit(
      container,
      {
        pause: flags.boolean("pause"),
        changes: flags.list("change"),
        comment: flags.string("message") ?? "",
        author: flags.string("author") ?? "",
        ...(target === null ? {} : { repo: target.repository, tag: target.tag ?? "" }),
      },
      signal,
    );
    terminal.print(Id);
  },
};
