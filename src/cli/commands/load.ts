import type { Command } from "../command.ts";
import { usageError } from "../flags.ts";
import { openInput } from "../input-file.ts";
import { ProgressDisplay } from "../terminal/progress.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    {
      name: "input",
      short: "i",
      kind: "string",
      summary: "Read from tar archive file, instead of STDIN",
      completes: "files",
    },
    { name: "quiet", short: "q", kind: "boolean", summary: "Suppress the load output" },
  ],
  examples: [{ what: "From a file", line: "duet load -i both.tar" }],
  async run({ flags, duet, terminal, signal }) {
    const input = flags.string("input");
    if (input === undefined && terminal.inputIsTerminal) {
      throw usageError(
        "INPUT_IS_TERMINAL",
        "requested load from stdin, but stdin is a terminal",
        "use -i FILE or redirect",
      );
    }
    const source = input === undefined ? terminal.input : await openInput(input);
    const quiet = flags.boolean("quiet");
    using display = new ProgressDisplay(terminal.output, terminal);
    for await (const event of duet().images.load(
      source as AsyncIterable<Uint8Array>,
      quiet,
      signal,
    )) {
      const result = event.stream?.startsWith("Loaded image") === true;
      if (!quiet || result) display.show(event);
    }
  },
};
