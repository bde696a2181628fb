import type { TableEntry } from "../table.ts";

const group = "Network and Volume Commands";

export const networkCommands: readonly TableEntry[] = [
  {
    names: ["network connect"],
    summary: "Connect a container to a network",
    group,
    load: () => import("../commands/network-connect.ts"),
  },
  {
    names: ["network create"],
    summary: "Create a network",
    group,
    load: () => import("../commands/network-create.ts"),
  },
  {
    names: ["network disconnect"],
    summary: "Disconnect a container from a network",
    group,
    load: () => import("../commands/network-disconnect.ts"),
  },
  {
    names: ["network inspect"],
    summary: "Show details of networks",
    group,
    load: () => import("../commands/inspect-network.ts"),
  },
  {
    names: ["network ls", "network list"],
    summary: "List networks",
    group,
    load: () => import("../commands/network-ls.ts"),
  },
  {
    names: ["network prune"],
    summary: "Remove all unused networks",
    group,
    load: () => import("../commands/prune-networks.ts"),
  },
  {
    names: ["network rm", "network remove"],
    summary: "Remove networks",
    group,
    load: () => import("../commands/network-rm.ts"),
  },
  {
    names: ["volume create"],
    summary: "Create a volume",
    group,
    load: () => import("../commands/volume-create.ts"),
  },
  {
    names: ["volume inspect"],
    summary: "Show details of volumes",
    group,
    load: () => import("../commands/inspect-volume.ts"),
  },
  {
    names: ["volume ls", "volume list"],
    summary: "List volumes",
    group,
    load: () => import("../commands/volume-ls.ts"),
  },
  {
    names: ["volume prune"],
    summary: "Remove unused volumes",
    group,
    load: () => import("../commands/prune-volumes.ts"),
  },
  {
    names: ["volume rm", "volume remove"],
    summary: "Remove volumes",
    group,
    load: () => import("../commands/volume-rm.ts"),
  },
];
