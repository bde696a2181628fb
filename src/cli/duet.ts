import { runCli } from "./main.ts";
import { processTerminal } from "./terminal/terminal.ts";

/** Entry of the program `duet`. A reader that goes away (`duet ps | head`) is no error. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}

process.exitCode = await runCli(process.argv.slice(2), processTerminal());
