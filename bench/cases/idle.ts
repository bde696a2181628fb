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
    const found: { name: string; memory: Memory; waiting: Memory; vms: number }[] = [];
    for (const engine of engines) {
      const { own, machines } = await engine.processes();
      const [memory, waiting] = [await memoryOf(own), await memoryOf(machines)];
      found.push({ name: engine.name, memory, waiting, vms: machines.length });
    }
    const inMebibytes = (bytes: number): string => (bytes / (1 << 20)).toFixed(1);
    return [
      {
        title: "RSS of the idle engine",
        reference: context.reference,
        notes: found.map(
          ({ name, memory, waiting, vms }) =>
            `${name}: ${inMebibytes(memory.pss)} MiB PSS${vms === 0 ? "" : `; ${vms} processes of waiting VMs beside it, ${inMebibytes(waiting.pss)} MiB PSS`}`,
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
