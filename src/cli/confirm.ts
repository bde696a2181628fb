import { once } from "node:events";
import { race } from "../kit/abort.ts";
import type { Context } from "./command.ts";

/** Asks on the terminal unless `--force` was given. Anything but yes is a no, which is no failure, as in Docker. */
export async function confirm(context: Context, warning: string): Promise<boolean> {
  if (context.flags.boolean("force")) return true;
  const { terminal, signal } = context;
  terminal.output.write(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  const { input } = terminal;
  input.setEncoding("utf8");
  const answer = await race(
    Promise.race([once(input, "data"), once(input, "end").then(() => [""])]),
    signal,
  );
  input.pause();
  return /^y(es)?$/i.test(String(answer[0]).trim());
}
