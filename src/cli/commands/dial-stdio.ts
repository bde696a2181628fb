import type { Command } from "../command.ts";
import { writeOut } from "../terminal/terminal.ts";

export const command: Command = {
  usage: "",
  minimum: 0,
  maximum: 0,
  description:
    "Clients on other machines run it by ssh, and speak to the daemon by its standard input and output.",
  flags: [],
  examples: [
    { what: "What a client does", line: "ssh -T host duet system dial-stdio" },
    { what: "Is the daemon there?", line: "duet system dial-stdio < /dev/null" },
  ],
  async run({ duet, terminal, signal }) {
    const connection = await duet().transport.connect(signal);
    connection.on("error", () => undefined);
    signal.addEventListener("abort", () => connection.destroy(), { once: true });
    const { input, output } = terminal;
    // The client's end of input ends its half only; the daemon's ends everything.
    input.on("error", () => connection.end());
    output.on("error", () => connection.destroy());
    input.pipe(connection);
    for await (const bytes of connection as AsyncIterable<Buffer>) {
      if (!(await writeOut(output, bytes))) break;
    }
    input.unpipe(connection).destroy();
    connection.destroy();
    // Not "drain": a stream tells that only of writes that filled it.
    await new Promise<void>((resolve) => void output.write("", () => resolve()));
  },
};
