import type { TableEntry } from "../table.ts";

const group = "Common Commands";

export const everydayCommands: readonly TableEntry[] = [
  {
    names: ["run", "container run"],
    summary: "Create and run a new container or VM from an image",
    group,
    load: () => import("../commands/run.ts"),
  },
  {
    names: ["exec", "container exec"],
    summary: "Execute a command in a running container",
    group,
    load: () => import("../commands/exec.ts"),
  },
  {
    names: ["ps", "container ls", "container list", "container ps"],
    summary: "List containers",
    group,
    load: () => import("../commands/ps.ts"),
  },
  {
    names: ["pull", "image pull"],
    summary: "Download an image from a registry",
    group,
    load: () => import("../commands/pull.ts"),
  },
  {
    names: ["push", "image push"],
    summary: "Upload an image to a registry",
    group,
    load: () => import("../commands/push.ts"),
  },
  {
    names: ["images", "image ls", "image list"],
    summary: "List images",
    group,
    load: () => import("../commands/images.ts"),
  },
  {
    names: ["build", "image build"],
    summary: "Build an image from a Dockerfile",
    group,
    load: () => import("../commands/build.ts"),
  },
  {
    names: ["login"],
    summary: "Authenticate to a registry",
    group,
    load: () => import("../commands/login.ts"),
  },
  {
    names: ["logout"],
    summary: "Forget the credentials of a registry",
    group,
    load: () => import("../commands/logout.ts"),
  },
  {
    names: ["version"],
    summary: "Show the versions of client and daemon",
    group,
    load: () => import("../commands/version.ts"),
  },
  {
    names: ["info", "system info"],
    summary: "Display system-wide information",
    group,
    load: () => import("../commands/info.ts"),
  },
];
