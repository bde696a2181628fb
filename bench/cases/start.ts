import { timeInTurn, type Contestant } from "../timing.ts";
import type { BenchCase, CaseContext } from "./case.ts";

/** `docker run --rm busybox true`: from the client's start to its end. */
export const startCase: BenchCase = {
  name: "start",
  run: async (context) => {
    const contestants = startContestants(context);
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

function startContestants(context: CaseContext): Contestant[] {
  return context.contenders.flatMap(({ engine, client, isDuet }) => {
    const plain: Contestant = {
      name: engine.name,
      run: async () => void (await client.call("run", "--rm", "busybox", "true")),
    };
    if (!isDuet || !context.withVm) return [plain];
    return [
      plain,
      {
        name: `${engine.name} --isolation=vm`,
        run: async () =>
          void (await client.call("run", "--rm", "--isolation=vm", "busybox", "true")),
      },
    ];
  });
}
