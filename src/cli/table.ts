import type { Command } from "./command.ts";
import { everydayCommands } from "./tables/everyday.ts";
import { containerCommands } from "./tables/container.ts";
import { imageCommands } from "./tables/image.ts";
import { networkCommands } from "./tables/network.ts";
import { duetCommands } from "./tables/duet.ts";

export const groups = [
  "Common Commands",
  "Container Commands",
  "Image Commands",
  "Network and Volume Commands",
  "Duet Commands",
] as const;

export type Group = (typeof groups)[number];

/** One command: its names (the first is shown), and where it is. Loaded only when it is asked for. */
export interface TableEntry {
  readonly names: readonly [string, ...string[]];
  readonly summary: string;
  readonly group: Group;
  load(): Promise<{ readonly command: Command }>;
}

export function wordsOf(entry: TableEntry): readonly string[] {
  return entry.names;
}

export const commandTable: readonly TableEntry[] = [
  ...everydayCommands,
  ...containerCommands,
  ...imageCommands,
  ...networkCommands,
  ...duetCommands,
];
