import { spawn } from "node:child_process";
import { DuetError } from "../../kit/errors.ts";
import { daemonProgram } from "../../client/launch.ts";
import { resolveSettings } from "../../client/settings.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  usage: "[OPTIONS] [-- DUETD OPTIONS]",
  minimum: 0,
  description:
    "Runs duetd until it is told to stop. Workloads go on when it ends. --data-root, --run-dir and --host stand before the command.",
  flags: [],
  examples: [
    { what: "In the foreground, with the standard folders", line: "duet daemon" },
    {
      what: "A second one beside it",
      line: "duet --data-root /srv/duet2 --run-dir /run/duet2 daemon",
    },
  ],
  async run(context) {
    const { host, dataRoot, runFolder, configFile } = context.global;
    const settings = resolveSettings({ host, dataRoot, runFolder, configFile });
    const child = spawn(daemonProgram(), [...settings.daemonArguments, ...context.words], {
      stdio: "inherit",
    });
    context.keepSignals();
    for (const name of ["SIGTERM", "SIGHUP", "SIGINT"] as const)
      process.on(name, () => void child.kill(name));
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    child.once("exit", (code) => resolve(code ?? 1));
    child.once("error", (cause) => {
      reject(
        new DuetError(
          "unavailable",
          "DAEMON_START_FAILED",
          `cannot start the daemon · ${cause.message}`,
          { cause },
        ),
      );
    });
    return await promise;
  },
};
