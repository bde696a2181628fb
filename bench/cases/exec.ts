import type { Contestant } from "../timing.ts";
import type { BenchCase } from "./case.ts";
import { timeCase } from "./timed.ts";

/** `docker exec NAME true` in a running workload. */
export const execCase: BenchCase = {
  name: "exec",
  run: async (context) => {
    const contestants: Contestant[] = [];
    const undo: (() => Promise<unknown>)[] = [];
    try {
      for (const { name, client, flags } of context.contenders) {
        const id = await client.text("run", "-d", ...flags, "busybox", "sleep", "3600");
        undo.push(() => client.call("rm", "-f", id));
        const run = async (): Promise<void> => void (await client.call("exec", id, "true"));
        contestants.push({ name, run });
      }
      return [await timeCase(context, "`docker exec NAME true`", contestants)];
    } finally {
      for (const step of undo) await step();
    }
  },
};
