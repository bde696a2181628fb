import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { cgroupVersion } from "../../../src/daemon/host.ts";
import { readCgroupHost } from "../../../src/drivers/runtime-oci/cgroup.ts";
import type { Workload } from "../../../src/domain/runtime.ts";
import {
  deadline,
  noLimits,
  processSpec,
  type Running,
  type Wanted,
} from "../../suites/runtime/harness.ts";
import type { Bench } from "../../suites/runtime/suite.ts";

const mountPoint = "/sys/fs/cgroup";
const sleeping = ["sleep", "1000"];

/** The cgroup of a workload as the kernel tells it, seen from the host. */
async function folderOf(workload: Workload): Promise<string> {
  const text = await readFile(`/proc/${workload.pid}/cgroup`, "utf8");
  const path = /^0::(\S+)$/m.exec(text)?.[1];
  assert.ok(path !== undefined, text);
  return join(mountPoint, path);
}

/** Control files by name, one line each. */
async function settings(
  workload: Workload,
  names: readonly string[],
): Promise<Record<string, string>> {
  const folder = await folderOf(workload);
  const entries = names.map(async (name) => {
    const text = await readFile(join(folder, name), "utf8");
    return [name, text.trim()] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function printedBy(running: Running): Promise<string> {
  await running.workload.wait(deadline());
  await running.output.ended;
  return running.output.stdout + running.output.stderr;
}

/** What a runtime of containers must do with cgroup version 2 in particular. */
export function unifiedTests(bench: Bench): void {
  viewTests(bench);
  limitTests(bench);
  stateTests(bench);
}

function viewTests(bench: Bench): void {
  async function printed(wanted: Wanted): Promise<string> {
    await using work = bench();
    return await printedBy(await work.run(wanted));
  }

  test("this host has version 2 alone", async () => {
    const { version, hybrid, unified } = readCgroupHost();
    assert.deepEqual(
      { version, hybrid, unified },
      { version: 2, hybrid: false, unified: mountPoint },
    );
    assert.equal(await cgroupVersion(), "2");
  });

  const look = "cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.type; mkdir /sys/fs/cgroup/own";
  test("a container sees its own cgroup as the root, read-only", async () => {
    const text = await printed({ argv: ["sh", "-c", look] });
    assert.match(text, /^0::\/\ndomain\n/);
    assert.match(text, /own.*Read-only file system/);
  });

  test("a privileged one sees its own cgroup too, and may make others in it", async () => {
    const text = await printed({ argv: ["sh", "-c", look], security: { privileged: true } });
    assert.equal(text, "0::/\ndomain\n");
  });

  test("with the host's cgroup namespace it sees where it is", async () => {
    const text = await printed({ argv: ["sh", "-c", look], security: { cgroupnsMode: "host" } });
    assert.match(text, /^0::\/duet-test-/);
  });

  test("devices are refused by the kernel but those that are allowed", async () => {
    const { rdev } = await stat("/dev/vda");
    const node = `b ${(rdev >> 8) & 0xfff} ${rdev & 0xff}`;
    const script = `mknod /disk ${node}; head -c 1 /disk | wc -c; head -c 1 /dev/zero | wc -c; : > /dev/null && echo written`;
    const refused = await printed({ argv: ["sh", "-c", script] });
    assert.match(refused, /\/disk.*Operation not permitted/);
    assert.match(refused, /^0\n1\nwritten$/m);
    const mapping = { hostPath: "/dev/vda", containerPath: "/dev/vda", permissions: "r" };
    const given = await printed({ argv: ["sh", "-c", script], security: { devices: [mapping] } });
    assert.match(given, /^1\n1\nwritten$/m);
  });
}

function limitTests(bench: Bench): void {
  test("limits stand in the files of version 2", async () => {
    await using work = bench();
    const { workload } = await work.run({
      argv: sleeping,
      resources: {
        memory: 64 << 20,
        memorySwap: 96 << 20,
        memoryReservation: 32 << 20,
        nanoCpus: 500_000_000,
        cpuShares: 512,
        cpusetCpus: "0",
        pids: 77,
      },
    });
    const names = ["memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight"];
    assert.deepEqual(await settings(workload, [...names, "cpuset.cpus", "pids.max"]), {
      "memory.max": `${64 << 20}`,
      "memory.swap.max": `${32 << 20}`,
      "memory.low": `${32 << 20}`,
      "cpu.max": "50000 100000",
      "cpu.weight": "20",
      "cpuset.cpus": "0",
      "pids.max": "77",
    });
  });

  test("what only version 1 can do hinders no start", async () => {
    await using work = bench();
    const { workload } = await work.run({
      argv: sleeping,
      resources: { memory: 64 << 20, memorySwappiness: 10, oomKillDisable: true },
    });
    await workload.update(
      { ...noLimits, memory: 32 << 20, memorySwappiness: 20, oomKillDisable: true },
      deadline(),
    );
    assert.deepEqual(await settings(workload, ["memory.max", "memory.swap.max"]), {
      "memory.max": `${32 << 20}`,
      "memory.swap.max": `${32 << 20}`,
    });
  });

  test("a changed limit leaves the others as they are", async () => {
    await using work = bench();
    const { workload, spec } = await work.run({
      argv: sleeping,
      resources: { cpuPeriod: 50_000, cpuQuota: 20_000, memory: 32 << 20 },
    });
    const names = ["cpu.max", "memory.max", "memory.swap.max", "pids.max"];
    const change = async (resources: Partial<typeof noLimits>) => {
      await workload.update({ ...spec.resources, ...resources }, deadline());
      return Object.values(await settings(workload, names));
    };
    const memory = `${32 << 20}`;
    assert.deepEqual(await change({ cpuQuota: 30_000, cpuPeriod: 0 }), [
      "30000 50000",
      memory,
      memory,
      "512",
    ]);
    assert.deepEqual(await change({ cpuQuota: 0, cpuPeriod: 60_000 }), [
      "30000 60000",
      memory,
      memory,
      "512",
    ]);
    assert.deepEqual(
      await change({ cpuQuota: -1, cpuPeriod: 0, memory: 48 << 20, memorySwap: -1, pids: -1 }),
      ["max 60000", `${48 << 20}`, "max", "max"],
    );
  });

  test("a weight for block devices is taken, and changed", async () => {
    await using work = bench();
    const resources = { blkioWeight: 500 };
    const { workload, spec } = await work.run({ argv: sleeping, resources });
    assert.deepEqual(await settings(workload, ["io.weight"]), { "io.weight": "default 4950" });
    await workload.update({ ...spec.resources, blkioWeight: 10 }, deadline());
    assert.deepEqual(await settings(workload, ["io.weight"]), { "io.weight": "default 1" });
  });

  test("a processor limit is felt, and told", async () => {
    await using work = bench();
    const busy = ["sh", "-c", "while :; do :; done"];
    const { workload } = await work.run({ argv: busy, resources: { nanoCpus: 100_000_000 } });
    const limit = deadline();
    let { throttled } = await workload.stats(limit);
    while (throttled.throttledPeriods < 2 && !limit.aborted)
      ({ throttled } = await workload.stats(limit));
    assert.ok(throttled.periods >= throttled.throttledPeriods && throttled.time > 0);
  });
}

function stateTests(bench: Bench): void {
  test("a child that is killed for lack of memory is reported, whatever its parent ends with", async () => {
    await using work = bench();
    const memory = work.harness.smallMemory;
    const { workload } = await work.run({
      argv: ["sh", "-c", "tail /dev/zero; exit 3"],
      resources: { memory, memorySwap: memory },
    });
    const record = await workload.wait(deadline());
    assert.deepEqual([record.code, record.outOfMemory], [3, true]);
  });

  test("pausing freezes the cgroup, and resuming thaws it", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: sleeping });
    const names = ["cgroup.freeze", "cgroup.events"];
    await workload.pause(deadline());
    const paused = await settings(workload, names);
    assert.deepEqual(
      [paused["cgroup.freeze"], paused["cgroup.events"]],
      ["1", "populated 1\nfrozen 1"],
    );
    await workload.resume(deadline());
    const resumed = await settings(workload, names);
    assert.deepEqual(
      [resumed["cgroup.freeze"], resumed["cgroup.events"]],
      ["0", "populated 1\nfrozen 0"],
    );
  });

  test("statistics come from the files of version 2", async () => {
    await using work = bench();
    const script =
      "dd if=/dev/zero of=/file bs=64k count=64 conv=fsync 2>/dev/null; echo ready; exec sleep 1000";
    const { workload, output } = await work.run({
      argv: ["sh", "-c", script],
      resources: { memory: 64 << 20, pids: 50 },
    });
    await output.until("ready");
    const stats = await workload.stats(deadline());
    assert.ok(stats.blockWritten >= 4 << 20, `${stats.blockWritten} bytes written`);
    assert.ok(stats.cpuTotal > 0 && stats.cpuTotal >= stats.cpuKernel);
    assert.ok(stats.memoryUsage > 0 && stats.memoryUsage < 64 << 20);
    assert.deepEqual([stats.memoryLimit, stats.pids, stats.pidsLimit], [64 << 20, 1, 50]);
    assert.ok((stats.memoryDetail["inactive_file"] ?? -1) >= 0);
  });

  test("cgroups made by a container are counted as its own and go with it", async () => {
    await using work = bench();
    const script =
      "mkdir -p /sys/fs/cgroup/a/b; sleep 1000 & echo $! > /sys/fs/cgroup/a/b/cgroup.procs; echo 1 > /sys/fs/cgroup/a/cgroup.freeze; echo ready; wait";
    const { workload, output } = await work.run({
      argv: ["sh", "-c", script],
      security: { privileged: true },
    });
    await output.until("ready");
    const { rows } = await workload.processes([], deadline());
    assert.equal(rows.length, 2);
    await (await workload.exec(processSpec(["true"]), deadline())).wait(deadline());
    const folder = await folderOf(workload);
    await workload.delete(deadline());
    await assert.rejects(stat(folder));
  });
}
