import { memoryOf } from "../engines/daemon.ts";
import type { BenchCase } from "./case.ts";

/** Memory of each engine's own processes while nothing runs. */
export const idleCase: BenchCase = {
  name: "idle",
  run: async (context) => {
    const rows = await Promise.all(
      context.contenders.map(async ({ engine }) => {
        const memory = await memoryOf(await engine.processes());
        return { contestant: engine.name, unit: "MiB", values: [memory.rss] };
      }),
    );
    return [
      {
        title: "RSS of the idle engine",
        reference: context.reference,
        notes: [
          "all processes of the engine together; for Duet with its pool of waiting VMs where it has one",
        ],
        rows,
      },
    ];
  },
};
