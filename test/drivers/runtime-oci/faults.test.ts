import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { isDuetError } from "../../../src/kit/errors.ts";
import { run } from "../../../src/kit/subprocess.ts";
import {
  deadline,
  processSpec,
  Workbench,
  type RuntimeHarness,
} from "../../suites/runtime/harness.ts";
import { makeOciHarness } from "./busybox-harness.ts";

describe("containers in trouble", { timeout: 1_500_000 }, () => {
  let harness: RuntimeHarness;
  before(async () => {
    harness = await makeOciHarness({ lowerCount: 80 });
  });
  after(async () => {
    await harness.close();
  });

  test("after the loss of the shim the sweep leaves nothing, twice", async () => {
    await using work = new Workbench(harness);
    const { workload, spec } = await work.run({ argv: ["sh", "-c", "sleep 1000 & sleep 1000"] });
    process.kill(workload.handle.shimPid, "SIGKILL");
    await assert.rejects(
      workload.wait(deadline()),
      (error) => isDuetError(error) && error.code === "LINK_LOST",
    );
    assert.equal(await harness.runtime.find(spec.id, workload.handle, deadline()), undefined);
    for (let times = 0; times < 2; times += 1) {
      await harness.runtime.sweep(spec.id, spec.stateDirectory, spec.runDirectory, deadline());
    }
    await assert.rejects(stat(spec.runDirectory));
  });

  test("a container whose shim is lost can be deleted", async () => {
    await using work = new Workbench(harness);
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    process.kill(workload.handle.shimPid, "SIGKILL");
    await workload.delete(deadline());
  });

  test("the end of every process at once is recorded once, with the main one's code", async () => {
    await using work = new Workbench(harness);
    const { workload, spec } = await work.run({ argv: ["sleep", "1000"] });
    const execs = await Promise.all(
      [1, 2, 3].map(() => workload.exec(processSpec(["sleep", "1000"]), deadline())),
    );
    process.kill(workload.pid, "SIGKILL");
    const records = await Promise.all([
      workload.wait(deadline()),
      ...execs.map((exec) => exec.wait(deadline())),
    ]);
    assert.deepEqual(
      records.map((record) => record.code),
      [137, 137, 137, 137],
    );
    assert.equal((await harness.runtime.exitRecord(spec.stateDirectory))?.code, 137);
  });

  test("a root that cannot be mounted is refused with what and where, and leaves nothing", async () => {
    await using work = new Workbench(harness);
    const spec = await work.spec({ argv: ["true"] });
    const mounts = [
      { type: "overlay", source: "overlay", target: "", options: ["lowerdir=/no/such/layer"] },
    ] as const;
    await assert.rejects(
      work.open({ ...spec, root: { kind: "directory", mounts } }),
      (error) =>
        isDuetError(error) && error.code === "MOUNT_FAILED" && /overlay.*root/.test(error.message),
    );
  });

  test("a mount point of the container in the host's tree is never seen there", async () => {
    await using work = new Workbench(harness);
    const { workload, spec } = await work.run({ argv: ["sleep", "1000"] });
    const mounts = await readFile("/proc/self/mountinfo", "utf8");
    assert.equal(mounts.includes(spec.runDirectory), false);
    assert.match(await readFile(`/proc/${workload.handle.shimPid}/mountinfo`, "utf8"), /overlay/);
  });

  test("a mount made inside a shared bind mount reaches the host, and nothing stays", async () => {
    const folder = await mkdtemp("/tmp/dsh-");
    const mount = async (...args: string[]): Promise<void> => {
      await run("mount", args, { signal: deadline() });
    };
    const asked = {
      ...({ kind: "bind", source: folder, target: "/shared", readonly: false } as const),
      ...{ propagation: "rshared", nonRecursive: false, options: [] },
    };
    const start = {
      argv: ["sleep", "1000"],
      security: { privileged: true },
      spec: { mounts: [asked] },
    };
    try {
      await using work = new Workbench(harness);
      await mount("--bind", folder, folder);
      await mount("--make-private", folder);
      await assert.rejects(work.run(start), /it is not a shared mount/);
      await mount("--make-shared", folder);
      const { workload } = await work.run(start);
      const inside = async (script: string): Promise<void> => {
        const process = processSpec(["sh", "-c", script], { privileged: true });
        const exec = await workload.exec(process, deadline());
        assert.equal((await exec.wait(deadline())).code, 0);
      };
      await inside("mkdir /shared/in; mount -t tmpfs none /shared/in && touch /shared/in/seen");
      await stat(join(folder, "in/seen"));
      await inside("umount /shared/in");
    } finally {
      await run("umount", [folder], { signal: deadline(), okCodes: [0, 1, 32] });
      await rm(folder, { recursive: true });
    }
  });

  const sanitized =
    process.env["DUET_TEST_SHIM"] === undefined ? false : "a sanitizer's memory is not the shim's";
  test("a shim takes less than a megabyte of its own", { skip: sanitized }, async () => {
    await using work = new Workbench(harness);
    const { workload, output } = await work.run({
      argv: ["sh", "-c", "head -c 3000000 /dev/zero; echo; echo ready; sleep 1000"],
    });
    await output.until("ready");
    const rollup = await readFile(`/proc/${workload.handle.shimPid}/smaps_rollup`, "utf8");
    const kilobytes = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB/gm)].map((match) =>
      Number(match[1]),
    );
    assert.ok(kilobytes.reduce((sum, value) => sum + value, 0) < 1024, rollup);
  });

  test("limits change while it runs", async () => {
    await using work = new Workbench(harness);
    const { workload, spec } = await work.run({
      argv: ["sleep", "1000"],
      resources: { memory: 64 << 20 },
    });
    await workload.update({ ...spec.resources, memory: 32 << 20, pids: 7 }, deadline());
    const smaller = await workload.stats(deadline());
    assert.deepEqual([smaller.memoryLimit, smaller.pidsLimit], [32 << 20, 7]);
    await workload.update({ ...spec.resources, memory: 128 << 20, pids: -1 }, deadline());
    const larger = await workload.stats(deadline());
    assert.deepEqual([larger.memoryLimit, larger.pidsLimit], [128 << 20, 0]);
  });

  test("the filter refuses what it names, and io_uring looks missing", async () => {
    await using work = new Workbench(harness);
    const { workload, output } = await work.run({
      argv: [
        "sh",
        "-c",
        "unshare -m true 2>&1; mount -t tmpfs none /tmp 2>&1; grep Seccomp: /proc/self/status",
      ],
    });
    await workload.wait(deadline());
    await output.ended;
    assert.match(output.stdout, /unshare.*[Oo]peration not permitted/);
    assert.match(output.stdout, /mount.*[Pp]ermi/);
    assert.match(output.stdout, /Seccomp:\s2/);
  });
});

/** Whether the mount that holds a folder of /tmp is shared with its peers. */
