import { timeInTurn } from "../timing.ts";
import type { BenchCase } from "./case.ts";

/** `docker run --rm busybox true`: from the client's start to its end. */
export const startCase: BenchCase = {
  name: "start",
  run: async (context) => {
    const contestants = context.contenders.map(({ name, client, flags }) => ({
      name,
      run: async () => void (await client.call("run", "--rm", ...flags, "busybox", "true")),
    }));
    const times = await timeInTurn(contestants, context.rounds);
    return [
      {
        title: "`docker run --rm busybox true`",
        reference: context.reference,
        notes: [],
        rows: contestants.map(({ name }) => ({
          contestant: name,
          unit: "ms",
          values: times.get(name) ?? [],
        })),
      },
    ];
  },
};
