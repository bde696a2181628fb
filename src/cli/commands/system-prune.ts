import type { BuildPruneAnswer, Filters } from "../../client/api-types.ts";
import type { Command, Context } from "../command.ts";
import { confirm } from "../confirm.ts";
import { filtersOf } from "../list/filters.ts";
import { allFlag, forceFlag, pruneFilterFlag } from "../list/list-flags.ts";
import { imageLines, printPruned, printReclaimed } from "../prune.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    allFlag("Remove all unused images not just dangling ones"),
    pruneFilterFlag("label=<key>=<value>"),
    forceFlag,
    { name: "volumes", kind: "boolean", summary: "Prune anonymous volumes" },
  ],
  examples: [
    { what: "Everything unused, without asking", line: "duet system prune -af --volumes" },
  ],
  async run(context) {
    if (!(await confirm(context, warning(context)))) return;
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
    const cache = await pruneBuildCache(context, filters);
    printPruned(terminal, "Deleted build cache objects", cache?.CachesDeleted ?? []);
    const pruned = [containers, volumes, images, cache];
    printReclaimed(
      terminal,
      pruned.reduce((sum, answer) => sum + (answer?.SpaceReclaimed ?? 0), 0),
    );
  },
};

/** Where only what has a label is to go, nothing of it goes: it has none. */
async function pruneBuildCache(
  { duet, flags, signal }: Context,
  filters: Filters,
): Promise<BuildPruneAnswer | undefined> {
  if (Object.keys(filters).some((name) => name.startsWith("label"))) return undefined;
  return await duet().system.pruneBuildCache({ all: flags.boolean("all"), filters }, signal);
}

function warning({ flags }: Context): string {
  const images = flags.boolean("all") ? "images without at least one container" : "dangling images";
  const items = ["all stopped containers", "all networks not used by a container", `all ${images}`];
  if (flags.boolean("volumes")) items.push("all anonymous volumes not used by a container");
  items.push(flags.boolean("all") ? "all build cache" : "unused build cache");
  return `This will remove:\n${items.map((item) => `  - ${item}`).join("\n")}\n`;
}
