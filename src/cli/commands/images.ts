import type { Filters } from "../../client/api-types.ts";
import type { Command, Context } from "../command.ts";
import { usageError } from "../flags.ts";
import { formatList } from "../format/table.ts";
import { filtersOf } from "../list/filters.ts";
import { imageColumns, imageRows } from "../list/image-columns.ts";
import { imageTree } from "../list/image-tree.ts";
import { allFlag, filterFlag, formatFlag, noTruncFlag, quietFlag } from "../list/list-flags.ts";

export const command: Command = {
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  minimum: 0,
  maximum: 1,
  completes: ["images"],
  flags: [
    allFlag("Show all images (default hides intermediate images)"),
    { name: "digests", kind: "boolean", summary: "Show digests" },
    filterFlag,
    formatFlag,
    noTruncFlag,
    quietFlag("image IDs"),
    { name: "tree", kind: "boolean", summary: "List multi-platform images as a tree" },
  ],
  examples: [
    { what: "All images", line: "duet images" },
    { what: "Names only", line: "duet images --format '{{.Repository}}:{{.Tag}}'" },
    { what: "With their platforms, and which are in use", line: "duet images --tree" },
  ],
  async run(context) {
    const { flags, words, duet, terminal, signal } = context;
    const digests = flags.boolean("digests");
    const filters = { ...filtersOf(flags.list("filter")) };
    if (words[0] !== undefined) filters["reference"] = [...(filters["reference"] ?? []), words[0]];
    if (flags.boolean("tree")) return await printTree(context, filters);
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

/** Untagged images only with `--all`, as Docker's client. */
async function printTree(context: Context, filters: Filters): Promise<void> {
  const { flags, duet, terminal, signal } = context;
  for (const name of ["quiet", "no-trunc", "digests", "format"]) {
    if (!flags.has(name)) continue;
    throw usageError("TREE_FLAGS", `--${name} is not yet supported with --tree`);
  }
  const all = flags.boolean("all");
  const images = await duet().images.list({ all, manifests: true, filters }, signal);
  const shown = images.filter(({ RepoTags }) => all || (RepoTags ?? []).length > 0);
  const page = { columns: terminal.columns(), color: terminal.color };
  for (const line of imageTree(shown, page)) terminal.print(line);
}
