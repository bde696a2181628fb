import type { Command, Context } from "../command.ts";
import { confirm } from "../confirm.ts";
import { filtersOf } from "../list/filters.ts";
import { forceFlag } from "../list/list-flags.ts";
import { imageLines, printPruned, printReclaimed } from "../prune.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    {
      name: "all",
      short: "a",
      kind: "boolean",
      summary: "Remove all unused images not just dangling ones",
    },
    {
      name: "filter",
      kind: "list",
      value: "filter",
      summary: 'Provide filter values (e.g. "label=<key>=<value>")',
    },
    forceFlag,
    { name: "volumes", kind: "boolean", summary: "Prune anonymous volumes" },
  ],
  examples: [
    { what: "Everything unused, without asking", line: "duet system prune -af --volumes" },
  ],
  async run(context) {
    await confirm(context, warning(context));
    const { flags, terminal, signal } = context;
    const duet = context.duet();
    const filters = filtersOf(flags.list("filter"));
    const containers = await duet.containers.prune(filters, signal);
    printPruned(terminal, "Deleted Containers", containers.ContainersDeleted ?? []);
    const networks = await duet.networks.prune(filters, signal);
    printPruned(terminal, "Deleted Networks", networks.NetworksDeleted ?? []);
    const volumes = flags.boolean("volumes") ? await duet.volumes.prune(filters, signal) : null;
    printPruned(terminal, "Deleted Volumes", volumes?.VolumesDeleted ?? []);
    const dangling = [String(!flags.boolean("all"))];
    const images = await duet.images.prune({ ...filters, dangling }, signal);
    printPruned(terminal, "Deleted Images", imageLines(images.ImagesDeleted ?? []));
    printReclaimed(
      terminal,
      containers.SpaceReclaimed + images.SpaceReclaimed + (volumes?.SpaceReclaimed ?? 0),
    );
  },
};

function warning({ flags }: Context): string {
  const images = flags.boolean("all") ? "images without at least one container" : "dangling images";
  const items = ["stopped containers", "networks not used by a container", images];
  if (flags.boolean("volumes")) items.push("anonymous volumes not used by a container");
  return `This will remove:\n${items.map((item) => `  - all ${item}`).join("\n")}\n`;
}
