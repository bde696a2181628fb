import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { containerStates } from "../src/domain/container.ts";
import type { StateTable } from "../src/kit/state-table.ts";

const target = join(import.meta.dirname, "../docs/internals/states.md");

/** A Mermaid state diagram and a table of one state table. */
export function renderStates<State extends string, Event extends string>(
  title: string,
  table: StateTable<State, Event>,
): string {
  const moves = Object.entries<Readonly<Partial<Record<Event, State>>>>(table).flatMap(
    ([state, events]) =>
      Object.entries<State | undefined>(events).map(([event, next]) => ({ state, event, next })),
  );
  return [
    `## ${title}`,
    "",
    "```mermaid",
    "stateDiagram-v2",
    ...moves.map(({ state, event, next }) => `  ${state} --> ${next}: ${event}`),
    "```",
    "",
    "| state | event | next |",
    "| --- | --- | --- |",
    ...moves.map(({ state, event, next }) => `| ${state} | ${event} | ${next} |`),
    "",
  ].join("\n");
}

export function statesPage(): string {
  return [
    "# States",
    "",
    "Generated from the state tables by `node tools/generate-states.ts`; a test compares the two.",
    "",
    renderStates("Container, of either isolation", containerStates),
  ].join("\n");
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    if (readFileSync(target, "utf8") !== statesPage()) process.exitCode = 1;
  } else {
    writeFileSync(target, statesPage());
  }
}
