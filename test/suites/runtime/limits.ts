import assert from "node:assert/strict";
import { test } from "node:test";
import { deadline } from "./harness.ts";
import type { Bench } from "./suite.ts";

export function limitTests(bench: Bench): void {
  test("a program that takes more memory than it may is killed and reported", async () => {
    await using work = bench();
    const { workload } = await work.run({
      argv: ["sh", "-c", "tail /dev/zero"],
      resources: { memory: work.harness.smallMemory, memorySwap: work.harness.smallMemory },
    });
    const record = await workload.wait(deadline());
    assert.equal(record.code, 137);
    assert.equal(record.outOfMemory, true);
  });

  test("a program cannot start more processes than it may", async () => {
    await using work = bench();
    const { workload, output } = await work.run({
      argv: [
        "sh",
        "-c",
        "i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i+1)); done; echo all started",
      ],
      resources: { pids: 16 },
    });
    await workload.wait(deadline());
    await output.ended;
    assert.doesNotMatch(output.stdout, /all started/);
  });

  test("tells what it uses, more with time", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sh", "-c", "while :; do :; done"] });
    const first = await workload.stats(deadline());
    let second = first;
    const limit = deadline();
    while (second.cpuTotal <= first.cpuTotal && !limit.aborted)
      second = await workload.stats(limit);
    assert.ok(second.cpuTotal > first.cpuTotal);
    assert.ok(second.systemCpu >= first.systemCpu);
    assert.ok(second.memoryUsage > 0 && second.memoryLimit >= second.memoryUsage);
    assert.ok(second.pids >= 1 && second.onlineCpus >= 1);
  });

  test("paused it stands still, resumed it goes on", async () => {
    await using work = bench();
    const { workload, output } = await work.run({
      argv: ["sh", "-c", "echo ready; read line; echo went on"],
      process: { stdin: true },
    });
    await output.until("ready");
    await workload.pause(deadline());
    const streams = await workload.attach({ stdin: true }, deadline());
    await streams.write(Buffer.from("go\n"));
    await assert.rejects(workload.wait(AbortSignal.timeout(300)));
    assert.doesNotMatch(output.stdout, /went on/);
    await workload.resume(deadline());
    await output.until("went on");
    await workload.wait(deadline());
  });

  test("a paused workload can be deleted", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    await workload.pause(deadline());
    await workload.delete(deadline());
  });
}
