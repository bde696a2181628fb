import { once } from "node:events";
import { canceled, race } from "../kit/abort.ts";
import type { Context } from "./command.ts";

/** Asks on the terminal unless `--force` was given; throws `canceled` on anything but yes. */
export async function confirm(context: Context, warning: string): Promise<void> {
  if (context.flags.boolean("force")) return;
  const { terminal, signal } = context;
  terminal.output.write(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  const { input } = terminal;
  input.setEncoding("utf8");
  const answer = await race(
    Promise.race([once(input, "data"), once(input, "end").then(() => [""])]),
    signal,
  );
  input.pause();
  if (!/^y(es)?$/i.test(String(answer[0]).trim())) throw canceled("not confirmed");
}
