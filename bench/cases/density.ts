import { memoryOf, processTree } from "../engines/daemon.ts";
import type { CaseResult } from "../report.ts";
import type { BenchCase, CaseContext, Contender } from "./case.ts";

const containers = 50;
const machines = 20;

/** Many workloads started at once: time until each runs, failures, and memory of each. */
export const densityCase: BenchCase = {
  name: "density",
  run: async (context) => {
    const rows: CaseResult["rows"][number][] = [];
    const notes: string[] = [];
    for (const contender of context.contenders) {
      const plain = await startMany(contender, containers, [], context);
      rows.push({
        contestant: `${contender.engine.name}, ${containers} containers`,
        unit: "ms",
        values: plain.times,
      });
      notes.push(plain.note);
      if (!contender.isDuet || !context.withVm) continue;
      const vms = await startMany(contender, machines, ["--isolation=vm"], context);
      rows.push({
        contestant: `${contender.engine.name}, ${machines} VMs`,
        unit: "ms",
        values: vms.times,
      });
      notes.push(vms.note);
    }
    return [
      { title: "Started at once, time until the client has its id", reference: "", notes, rows },
    ];
  },
};

async function startMany(
  { engine, client }: Contender,
  count: number,
  options: readonly string[],
  context: CaseContext,
): Promise<{ times: number[]; note: string }> {
  const times: number[] = [];
  const ids: string[] = [];
  let failures = 0;
  await Promise.all(
    Array.from({ length: count }, async () => {
      const start = performance.now();
      try {
        ids.push(await client.text("run", "-d", ...options, "busybox", "sleep", "3600"));
        times.push(performance.now() - start);
      } catch (error) {
        context.signal.throwIfAborted();
        failures += 1;
        if (failures === 1) process.stderr.write(`${engine.name}: ${String(error)}\n`);
      }
    }),
  );
  const shares: number[] = [];
  for (const id of ids) {
    const pid = Number(await client.text("inspect", "--format", "{{.State.Pid}}", id));
    const memory = await memoryOf(await processTree(pid));
    shares.push(memory.pss);
  }
  const mean = shares.reduce((sum, value) => sum + value, 0) / Math.max(1, shares.length);
  if (ids.length > 0) await client.call("rm", "-f", ...ids);
  return {
    times,
    note: `${engine.name}${options.length > 0 ? ` ${options.join(" ")}` : ""}: ${failures} of ${count} failed; ${(mean / (1 << 20)).toFixed(1)} MiB PSS per workload below its main process or QEMU`,
  };
}
