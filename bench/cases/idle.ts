import { setTimeout as delay } from "node:timers/promises";
import { memoryOf, type Memory } from "../engines/daemon.ts";
import type { BenchCase } from "./case.ts";

const settleMilliseconds = 5_000;

/** Memory of each engine's own processes while nothing runs. */
export const idleCase: BenchCase = {
  name: "idle",
  run: async (context) => {
    const engines = context.engines.filter((engine) => engine.kind !== "podman");
    await delay(settleMilliseconds, undefined, { signal: context.signal });
    const found: { name: string; count: number; memory: Memory }[] = [];
    for (const engine of engines) {
      const pids = await engine.processes();
      found.push({ name: engine.name, count: pids.length, memory: await memoryOf(pids) });
    }
    return [
      {
        title: "RSS of the idle engine",
        reference: context.reference,
        notes: found.map(
          ({ name, count, memory }) =>
            `${name}: ${count} processes, ${(memory.pss / (1 << 20)).toFixed(1)} MiB PSS`,
        ),
        rows: found.map(({ name, memory }) => ({
          contestant: name,
          unit: "MiB",
          values: [memory.rss],
        })),
      },
    ];
  },
};
