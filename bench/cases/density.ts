import { memoryOf, processTree, shimOf } from "../engines/daemon.ts";
import type { CaseResult, Row } from "../report.ts";
import type { BenchCase, CaseContext, Contender } from "./case.ts";

const containerCount = 50;
const machineCount = 20;
const mebibyte = 1 << 20;

/** Many workloads started at once: time until each runs, failures, and memory of each. */
export const densityCase: BenchCase = {
  name: "density",
  run: async (context) => {
    const rows: Row[] = [];
    const notes: string[] = [];
    for (const contender of context.contenders) {
      const count = contender.isVm ? machineCount : containerCount;
      const { times, note } = await startMany(contender, count, context);
      rows.push({ contestant: `${contender.name}, ${count} at once`, unit: "ms", values: times });
      notes.push(note);
    }
    const result: CaseResult = {
      title: "`docker run -d busybox sleep 3600`, all at once, until each client has its id",
      reference: "",
      notes,
      rows,
    };
    return [result];
  },
};

async function startMany(
  { name, client, flags }: Contender,
  count: number,
  context: CaseContext,
): Promise<{ times: number[]; note: string }> {
  const times: number[] = [];
  const ids: string[] = [];
  let failures = 0;
  const begin = performance.now();
  const startOne = async (): Promise<void> => {
    const start = performance.now();
    try {
      ids.push(await client.text("run", "-d", ...flags, "busybox", "sleep", "3600"));
      times.push(performance.now() - start);
    } catch (error) {
      context.signal.throwIfAborted();
      failures += 1;
      if (failures === 1) process.stderr.write(`${name}: ${String(error)}\n`);
    }
  };
  await Promise.all(Array.from({ length: count }, startOne));
  const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
  const memory = await memoryOfEach(ids, client);
  if (ids.length > 0) await client.call("rm", "-f", ...ids);
  return {
    times,
    note: `${name}: ${failures} of ${count} failed, the last ran after ${seconds} s; ${memory}`,
  };
}

async function memoryOfEach(ids: readonly string[], client: Contender["client"]): Promise<string> {
  const shares: number[] = [];
  const shims: number[] = [];
  for (const id of ids) {
    const pid = Number(await client.text("inspect", "--format", "{{.State.Pid}}", id));
    const shim = await shimOf(pid);
    shares.push((await memoryOf(await processTree(shim))).pss);
    shims.push((await memoryOf([shim])).private);
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length) / mebibyte;
  const whole = `${mean(shares).toFixed(2)} MiB PSS a workload with its shim`;
  return `${whole}, ${mean(shims).toFixed(2)} MiB of it private memory of the shim`;
}
