import type { TableEntry } from "../table.ts";

const group = "Container Commands";

export const containerCommands: readonly TableEntry[] = [
  {
    names: ["attach", "container attach"],
    summary: "Attach standard streams to a running container",
    group,
    load: () => import("../commands/attach.ts"),
  },
  {
    names: ["commit", "container commit"],
    summary: "Create an image from a container's changes",
    group,
    load: () => import("../commands/commit.ts"),
  },
  {
    names: ["cp", "container cp"],
    summary: "Copy files between a container and the host",
    group,
    load: () => import("../commands/cp.ts"),
  },
  {
    names: ["create", "container create"],
    summary: "Create a container without starting it",
    group,
    load: () => import("../commands/create.ts"),
  },
  {
    names: ["diff", "container diff"],
    summary: "Show changes of a container's file system",
    group,
    load: () => import("../commands/diff.ts"),
  },
  {
    names: ["export", "container export"],
    summary: "Export a container's file system as a tar archive",
    group,
    load: () => import("../commands/export.ts"),
  },
  {
    names: ["inspect"],
    summary: "Show details of containers, images, networks and volumes",
    group,
    load: () => import("../commands/inspect.ts"),
  },
  {
    names: ["container inspect"],
    summary: "Show details of containers",
    group,
    load: () => import("../commands/inspect-container.ts"),
  },
  {
    names: ["kill", "container kill"],
    summary: "Send a signal to containers",
    group,
    load: () => import("../commands/kill.ts"),
  },
  {
    names: ["logs", "container logs"],
    summary: "Show what a container printed",
    group,
    load: () => import("../commands/logs.ts"),
  },
  {
    names: ["pause", "container pause"],
    summary: "Suspend all processes of containers",
    group,
    load: () => import("../commands/pause.ts"),
  },
  {
    names: ["port", "container port"],
    summary: "List port mappings of a container",
    group,
    load: () => import("../commands/port.ts"),
  },
  {
    names: ["container prune"],
    summary: "Remove all stopped containers",
    group,
    load: () => import("../commands/prune-containers.ts"),
  },
  {
    names: ["rename", "container rename"],
    summary: "Rename a container",
    group,
    load: () => import("../commands/rename.ts"),
  },
  {
    names: ["restart", "container restart"],
    summary: "Restart containers",
    group,
    load: () => import("../commands/restart.ts"),
  },
  {
    names: ["rm", "container rm", "container remove"],
    summary: "Remove containers",
    group,
    load: () => import("../commands/rm.ts"),
  },
  {
    names: ["start", "container start"],
    summary: "Start stopped containers",
    group,
    load: () => import("../commands/start.ts"),
  },
  {
    names: ["stats", "container stats"],
    summary: "Show a live stream of resource usage",
    group,
    load: () => import("../commands/stats.ts"),
  },
  {
    names: ["stop", "container stop"],
    summary: "Stop running containers",
    group,
    load: () => import("../commands/stop.ts"),
  },
  {
    names: ["top", "container top"],
    summary: "Show the processes of a container",
    group,
    load: () => import("../commands/top.ts"),
  },
  {
    names: ["unpause", "container unpause"],
    summary: "Let paused containers go on",
    group,
    load: () => import("../commands/unpause.ts"),
  },
  {
    names: ["update", "container update"],
    summary: "Change limits of containers",
    group,
    load: () => import("../commands/update.ts"),
  },
  {
    names: ["wait", "container wait"],
    summary: "Wait for containers to stop, then print their exit codes",
    group,
    load: () => import("../commands/wait.ts"),
  },
];
