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
    names: ["certs create"],
    summary: "Make certificates for the API over TCP",
    group,
    load: () => import("../commands/certs-create.ts"),
  },
  {
    names: ["certs client"],
    summary: "Make a certificate for one more client",
    group,
    load: () => import("../commands/certs-client.ts"),
  },
  {
    names: ["certs renew"],
    summary: "Make new certificates of the same names",
    group,
    load: () => import("../commands/certs-renew.ts"),
  },
  {
    names: ["certs ls"],
    summary: "List certificates and when they expire",
    group,
    load: () => import("../commands/certs-ls.ts"),
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
    names: ["system dial-stdio"],
    summary: "Join the standard streams and the daemon's socket (what ssh:// runs)",
    group,
    load: () => import("../commands/dial-stdio.ts"),
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
