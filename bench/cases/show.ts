import type { BenchCase, Contender } from "./case.ts";
import { timeCase } from "./timed.ts";

const many = 1_000;
const width = 4;
const titles = ["`docker ps --all`", "`docker inspect` of one by name"] as const;

/** What the client shows where a thousand containers are. */
export const showCase: BenchCase = {
  name: "show",
  run: async (context) => {
    const own = context.contenders.filter(
      ({ client, engine, isVm }) => client === engine.client && !isVm,
    );
    for (const contender of own) await createMany(contender);
    const words = [
      ["ps", "--all"],
      ["inspect", "many-500"],
    ] as const;
    const results = [];
    for (const [index, line] of words.entries()) {
      const contestants = own.map(({ name, client }) => ({
        name,
        run: async () => void (await client.call(...line)),
      }));
      const title = `${titles[index]}, with ${many} containers`;
      results.push(await timeCase(context, title, contestants, 1));
    }
    for (const { client } of own) await client.call("container", "prune", "-f");
    return results;
  },
};

async function createMany({ client, flags }: Contender): Promise<void> {
  const pending = Array.from({ length: many }).keys();
  const work = async (): Promise<void> => {
    for (const number of pending)
      await client.call("create", "--name", `many-${number}`, ...flags, "busybox", "true");
  };
  await Promise.all(Array.from({ length: width }, work));
}
