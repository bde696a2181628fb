import type { Terminal } from "./terminal/terminal.ts";
import { decimalSize } from "./quantities.ts";

/** What a prune deleted, under its title, then the space, in Docker's words. */
export function printPruned(terminal: Terminal, title: string, names: readonly string[]): void {
  if (names.length === 0) return;
  terminal.print(`${title}:`);
  for (const name of names) terminal.print(name);
  terminal.print("");
}

export function printReclaimed(terminal: Terminal, bytes: number): void {
  terminal.print(`Total reclaimed space: ${decimalSize(bytes)}`);
}

/** The lines of an image prune: names taken away and images deleted. */
export function imageLines(
  entries: readonly { readonly Untagged?: string; readonly Deleted?: string }[],
): string[] {
  return entries.map((entry) =>
    entry.Untagged === undefined ? `deleted: ${entry.Deleted}` : `untagged: ${entry.Untagged}`,
  );
}
