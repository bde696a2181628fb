import { timeEach } from "./each-container.ts";
import type { BenchCase } from "./case.ts";

const count = 5;

/** `docker stats --no-stream` of a few workloads; half of a second of it is between two samples. */
export const statsCase: BenchCase = {
  name: "stats",
  run: async (context) => [
    await timeEach(
      context,
      `\`docker stats --no-stream\` of ${count} workloads`,
      async ({ client, flags }) => {
        const ids: string[] = [];
        for (let made = 0; made < count; made += 1)
          ids.push(await client.text("run", "-d", ...flags, "busybox", "sleep", "3600"));
        return {
          run: async () => void (await client.call("stats", "--no-stream", ...ids)),
          undo: () => client.call("rm", "-f", ...ids),
        };
      },
    ),
  ],
};
