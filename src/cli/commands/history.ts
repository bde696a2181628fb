import type { ImageHistoryEntry } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { formatList, type Columns } from "../format/table.ts";
import { shortImageId } from "../list/image-columns.ts";
import { formatFlag, noTruncFlag, quietFlag } from "../list/list-flags.ts";
import { agoOf, rfc3339 } from "../list/times.ts";
import { decimalSize } from "../quantities.ts";
import { truncateText } from "../terminal/width.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE",
  minimum: 1,
  maximum: 1,
  completes: ["images"],
  flags: [
    formatFlag,
    {
      name: "human",
      short: "H",
      kind: "boolean",
      default: "true",
      summary: "Print sizes and dates in human readable format",
    },
    noTruncFlag,
    quietFlag("image IDs"),
  ],
  examples: [{ what: "Every step in full", line: "duet history --no-trunc nginx" }],
  async run({ flags, words, duet, terminal, signal }) {
    const entries = await duet().images.history(words[0]!, signal);
    const lines = formatList(
      columnsOf(!flags.boolean("no-trunc"), flags.boolean("human")),
      entries,
      {
        format: flags.string("format"),
        standard: "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
        quiet: flags.boolean("quiet") ? "ID" : undefined,
      },
    );
    for (const line of lines) terminal.print(line);
  },
};

function columnsOf(truncate: boolean, human: boolean): Columns<ImageHistoryEntry> {
  const createdAt = (row: ImageHistoryEntry): string => rfc3339(row.Created * 1_000);
  return {
    ID: {
      header: "IMAGE",
      value: (row) => (truncate && row.Id.startsWith("sha256:") ? shortImageId(row.Id) : row.Id),
    },
    CreatedSince: {
      header: human ? "CREATED" : "CREATED AT",
      value: (row) => (human ? agoOf(row.Created * 1_000) : createdAt(row)),
    },
    CreatedAt: { header: "CREATED AT", value: createdAt },
    CreatedBy: {
      header: "CREATED BY",
      value: (row) => {
        const text = row.CreatedBy.replaceAll("\t", " ");
        return truncate ? truncateText(text, 45) : text;
      },
    },
    Size: { header: "SIZE", value: (row) => (human ? decimalSize(row.Size) : String(row.Size)) },
    Comment: { header: "COMMENT", value: (row) => row.Comment },
  };
}
