import { timeInTurn, type Contestant } from "../timing.ts";
import type { BenchCase } from "./case.ts";

/** `docker exec NAME true` in a running workload. */
export const execCase: BenchCase = {
  name: "exec",
  run: async (context) => {
    const contestants: Contestant[] = [];
    const undo: (() => Promise<unknown>)[] = [];
    for (const { engine, client, isDuet } of context.contenders) {
      const isolations = isDuet && context.withVm ? ["", "vm"] : [""];
      for (const isolation of isolations) {
        const options = isolation === "" ? [] : [`--isolation=${isolation}`];
        const id = await client.text("run", "-d", ...options, "busybox", "sleep", "3600");
        undo.push(() => client.call("rm", "-f", id));
        contestants.push({
          name: isolation === "" ? engine.name : `${engine.name} ${options.join(" ")}`,
          run: async () => void (await client.call("exec", id, "true")),
        });
      }
    }
    const times = await timeInTurn(contestants, context.rounds);
    for (const step of undo) await step();
    const rows = contestants.map(({ name }) => ({
      contestant: name,
      unit: "ms",
      values: times.get(name) ?? [],
    }));
    return [{ title: "`docker exec NAME true`", reference: context.reference, notes: [], rows }];
  },
};
