import type { TableEntry } from "../table.ts";

const group = "Duet Commands";

export const duetCommands: readonly TableEntry[] = [
  {
    names: ["compare"],
    summary: "Measure an image natively, as container and as VM",
    group,
    load: () => import("../commands/compare.ts"),
  },
  {
    names: ["doctor"],
    summary: "Check what this host offers and what it lacks",
    group,
    load: () => import("../commands/doctor.ts"),
  },
  {
    names: ["daemon"],
    summary: "Run the daemon in the foreground",
    group,
    load: () => import("../commands/daemon.ts"),
  },
  {
    names: ["events", "system events"],
    summary: "Show what happens, as it happens",
    group,
    load: () => import("../commands/events.ts"),
  },
  {
    names: ["system df"],
    summary: "Show disk usage",
    group,
    load: () => import("../commands/system-df.ts"),
  },
  {
    names: ["system prune"],
    summary: "Remove unused data",
    group,
    load: () => import("../commands/system-prune.ts"),
  },
  {
    names: ["completion"],
    summary: "Print a completion script for bash, zsh or fish",
    group,
    load: () => import("../commands/completion.ts"),
  },
  {
    names: ["help"],
    summary: "Show help for a command",
    group,
    load: () => import("../commands/help.ts"),
  },
];
