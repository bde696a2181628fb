import type { Command } from "../command.ts";
import { formatList } from "../format/table.ts";
import { filtersOf } from "../list/filters.ts";
import { imageColumns, imageRows } from "../list/image-columns.ts";
import { filterFlag, formatFlag, noTruncFlag, quietFlag } from "../list/list-flags.ts";

export const command: Command = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  minimum: 0,
  maximum: 1,
  completes: ["images"],
  flags: [
    {
      name: "all",
      short: "a",
      kind: "boolean",
      summary: "Show all images (default hides intermediate images)",
    },
    { name: "digests", kind: "boolean", summary: "Show digests" },
    filterFlag,
    formatFlag,
    noTruncFlag,
    quietFlag("image IDs"),
  ],
  examples: [
    { what: "All images", line: "duet images" },
    { what: "Names only", line: "duet images --format '{{.Repository}}:{{.Tag}}'" },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const digests = flags.boolean("digests");
    const filters = { ...filtersOf(flags.list("filter")) };
    if (words[0] !== undefined) filters["reference"] = [...(filters["reference"] ?? []), words[0]];
    const images = await duet().images.list(
      { all: flags.boolean("all"), digests, filters },
      signal,
    );
    const fields = [
      "Repository",
      "Tag",
      ...(digests ? ["Digest"] : []),
      "ID",
      "CreatedSince",
      "Size",
    ];
    const options = {
      format: flags.string("format"),
      standard: fields.map((name) => `{{.${name}}}`).join("\t"),
      quiet: flags.boolean("quiet") ? "ID" : undefined,
    };
    const columns = imageColumns(!flags.boolean("no-trunc"));
    for (const line of formatList(columns, imageRows(images, digests), options))
      terminal.print(line);
  },
};
