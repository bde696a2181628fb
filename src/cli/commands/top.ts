import type { Command } from "../command.ts";
import { alignTabs } from "../format/tabs.ts";
import { printable } from "../report-error.ts";

export const command: Command = {
  usage: "CONTAINER [ps OPTIONS]",
  minimum: 1,
  stopsAtPositional: true,
  completes: ["running-containers"],
  flags: [],
  examples: [{ what: "Its processes; those of a VM are the guest's own", line: "duet top web" }],
  async run({ words, duet, terminal, signal }) {
    const [container = "", ...rest] = words;
    const { Titles, Processes } = await duet().containers.top(
      container,
      rest.length === 0 ? undefined : rest.join(" "),
      signal,
    );
    const rows = [Titles, ...(Processes ?? [])].map((row) => row.map(printable).join("\t"));
    for (const line of alignTabs(rows)) terminal.print(line);
  },
};
