import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Cgroup } from "../../../src/drivers/runtime-qemu/cgroup.ts";
import { noLimits } from "../../suites/runtime/harness.ts";

const parent = "duet-test-machines";

/** The cgroup that a QEMU is put under, with another program in QEMU's place. */
export function machineCgroupTests(): void {
  test("the first machine of a host is limited, counted and taken away with its cgroup", async () => {
    const cgroup = await Cgroup.open(`${parent}/first`);
    const [procs, ...more] = await cgroup.make();
    assert.ok(procs !== undefined);
    assert.deepEqual(more, []);
    const child = spawn("/bin/sleep", ["1000"], { stdio: "ignore" });
    await once(child, "spawn");
    const gone = once(child, "exit");
    try {
      await writeFile(procs, `${child.pid}`);
      await cgroup.limit({ ...noLimits, nanoCpus: 500_000_000, cpuShares: 512 }, 128 << 20);
      const names = ["memory.max", "cpu.max", "cpu.weight", "pids.max"];
      const set = names.map(async (name) => {
        const text = await readFile(join(cgroup.memoryFolder, name), "utf8");
        return text.trim();
      });
      assert.deepEqual(await Promise.all(set), [`${640 << 20}`, "50000 100000", "20", "128"]);
      assert.deepEqual(await cgroup.members(), [child.pid]);
      assert.equal((await cgroup.usage()).threads, 1);
    } finally {
      await cgroup.remove();
    }
    await gone;
    await assert.rejects(stat(cgroup.memoryFolder));
    await rmdir(join("/sys/fs/cgroup", parent));
  });
}
