import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lstat, mkdir, readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Runtime, WorkloadSpec } from "../../../src/domain/runtime.ts";
import { errnoOf } from "../../../src/kit/errors.ts";
import { deadline, Workbench, type Wanted } from "../../suites/runtime/harness.ts";
import { Place } from "./place.ts";

describe("virtual machines", { timeout: 1_500_000 }, () => {
  let place: Place;
  let runtime: Runtime;

  before(async () => {
    place = await Place.make({ poolSize: 2 });
    runtime = await place.runtime();
    await runtime.warm(deadline(600_000));
  });

  after(async () => {
    await runtime.close();
    const remains = await place.remains();
    await place.close();
    assert.deepEqual(remains, []);
  });

  const bench = (): Workbench =>
    new Workbench({
      runtime,
      later: () => place.runtime(),
      root: () => place.root(),
      leaks: (ids) => place.leaks(ids),
      close: () => Promise.resolve(),
      smallMemory: 0,
    });

  async function printed(wanted: Wanted): Promise<string> {
    await using workbench = bench();
    const running = await workbench.run(wanted);
    await running.workload.wait(deadline());
    await running.output.ended;
    return running.output.stdout;
  }

  const bind = (source: string, target: string, readonly = false): Partial<WorkloadSpec> => ({
    mounts: [
      { kind: "bind", source, target, readonly, propagation: "", nonRecursive: false, options: [] },
    ],
  });

  test("a machine has a kernel of its own", async () => {
    const host = (await readFile("/proc/sys/kernel/osrelease", "utf8")).trim();
    assert.notEqual((await printed({ argv: ["uname", "-r"] })).trim(), host);
  });

  test("two clones share no random numbers, no machine id, no boot id, and know the time", async () => {
    const script =
      "head -c 16 /dev/urandom | md5sum; head -c 16 /dev/random | md5sum; uuidgen 2>/dev/null; cat /proc/sys/kernel/random/uuid /etc/machine-id /proc/sys/kernel/random/boot_id; date +%s";
    const wanted = { argv: ["sh", "-c", script] };
    const begun = Date.now() / 1000;
    const [one, other] = await Promise.all([printed(wanted), printed(wanted)]);
    const left = one.trim().split("\n");
    const right = other.trim().split("\n");
    assert.ok(left.length >= 6);
    for (let line = 0; line < left.length - 1; line += 1) assert.notEqual(left[line], right[line]);
    const clock = Number(left.at(-1));
    assert.ok(clock > begun - 5 && clock < Date.now() / 1000 + 5);
  });

  test("files written before a stop are there after the next start", async () => {
    await using workbench = bench();
    const root = await place.root();
    const script = "dd if=/dev/urandom of=/data bs=1M count=8 2>/dev/null; md5sum </data >/sum";
    const first = await workbench.run({ argv: ["sh", "-c", script], spec: { root } });
    assert.equal((await first.workload.wait(deadline())).code, 0);
    await first.workload.delete(deadline());
    const second = await workbench.run({
      argv: ["sh", "-c", "md5sum </data | cmp - /sum && echo same"],
      spec: { root },
    });
    await second.workload.wait(deadline());
    await second.output.ended;
    assert.equal(second.output.stdout, "same\n");
  });

  test("a bound folder keeps its owners, both ways", async () => {
    const folder = join(place.folder, "volume");
    await mkdir(folder, { mode: 0o755 });
    await writeFile(join(folder, "from-host"), "hello", { mode: 0o600 });
    const script =
      "cat /v/from-host; echo guest > /v/from-guest; chown 1000:50 /v/from-guest; chmod 640 /v/from-guest; ln -s x /v/link; mkdir /v/dir";
    assert.equal(await printed({ argv: ["sh", "-c", script], spec: bind(folder, "/v") }), "hello");
    const facts = await stat(join(folder, "from-guest"));
    assert.deepEqual([facts.uid, facts.gid, facts.mode & 0o777], [1000, 50, 0o640]);
    assert.equal((await stat(join(folder, "dir"))).uid, 0);
  });

  test("a folder bound read-only takes nothing, a single file can be bound", async () => {
    const folder = join(place.folder, "readonly");
    await mkdir(folder);
    const script = "touch /v/new && echo written; true";
    await printed({ argv: ["sh", "-c", script], spec: bind(folder, "/v", true) });
    assert.deepEqual(await readdir(folder), []);
    await writeFile(join(folder, "one"), "only this");
    const text = await printed({
      argv: ["cat", "/etc/one"],
      spec: bind(join(folder, "one"), "/etc/one"),
    });
    assert.equal(text, "only this");
  });

  test("QEMU runs as nobody on this host, without privileges, in a tree of its own", async () => {
    await using workbench = bench();
    const { workload } = await workbench.run({ argv: ["sleep", "600"] });
    const status = await readFile(`/proc/${workload.pid}/status`, "utf8");
    assert.match(status, /^Uid:\t(\d{10})\t\1\t\1\t\1$/m);
    assert.match(status, /^CapEff:\t0{16}$/m);
    assert.match(status, /^CapBnd:\t0{16}$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.match(status, /^Seccomp:\t2$/m);
    const mounts = await readFile(`/proc/${workload.pid}/mountinfo`, "utf8");
    assert.doesNotMatch(mounts, / \/(etc|root|home|var|tmp|proc|sys|run) /);
    /* What it may write to is its disk, and how much is bounded. */
    const rows = mounts
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    const writable = rows.filter((row) => row[5]?.split(",").includes("rw") === true);
    const points = writable.map((row) => row[4]).toSorted();
    assert.deepEqual(points, [
      ...["/", "/dev/null", "/dev/urandom", "/disk/overlay", "/disk/placeholder", "/shares"],
    ]);
    const limits = await readFile(`/proc/${workload.pid}/limits`, "utf8");
    assert.match(limits, /^Max file size +\d+ +\d+ +bytes/m);
    /* Its own -sandbox lies on a filter of the jail's. */
    assert.match(status, /^Seccomp_filters:\t[2-9]$/m);
  });

  test("a QEMU that was broken out of changes nothing that other machines start from (G93)", async () => {
    await using workbench = bench();
    const shared = join(place.folder, "shared-folder");
    await mkdir(shared);
    for (const spec of [{}, bind(shared, "/v")]) {
      const { workload } = await workbench.run({ argv: ["sleep", "600"], spec });
      const template = "/template/memory";
      for (const path of [template, "/disk/base"]) {
        const tried = spawnSync("nsenter", [
          ...["-t", `${workload.pid}`, "--mount", "--"],
          ...["/usr/bin/dd", "if=/dev/urandom", `of=${path}`, "bs=1", "count=1", "conv=notrunc"],
        ]);
        assert.match(tried.stderr.toString(), /Read-only file system/, path);
      }
      /* Nor by a descriptor that it holds. */
      for (const [path, flags] of await openFiles(workload.pid)) {
        if (path.endsWith("/memory")) assert.equal(flags & 0o3, 0, path);
      }
      const maps = await readFile(`/proc/${workload.pid}/maps`, "utf8");
      assert.match(maps, /rw-p .*\/template\/memory$/m);
    }
  });

  test("a machine whose QEMU is killed ends with an error and leaves nothing", async () => {
    await using workbench = bench();
    const { workload, spec } = await workbench.run({ argv: ["sleep", "600"] });
    process.kill(workload.pid, "SIGKILL");
    const record = await workload.wait(deadline());
    assert.equal(record.code, 137);
    assert.match(record.error ?? "", /ended unexpectedly/);
    assert.equal((await runtime.exitRecord(spec.stateDirectory))?.code, 137);
  });

  test("a QEMU that stands still is ended all the same (G95)", async () => {
    await using workbench = bench();
    const { workload } = await workbench.run({ argv: ["sleep", "600"] });
    process.kill(workload.pid, "SIGSTOP");
    await workload.delete(deadline());
    await assert.rejects(stat(`/proc/${workload.pid}`));
  });

  test("a machine's sockets and files are nobody else's, in a folder nobody else can enter (G94)", async () => {
    await using workbench = bench();
    const { workload } = await workbench.run({ argv: ["sleep", "600"] });
    const folder = dirname(workload.handle.socket);
    const { mode, uid } = await stat(folder);
    assert.deepEqual([mode & 0o777, uid], [0o700, 0]);
    for (const name of await readdir(folder)) {
      const entry = await lstat(join(folder, name));
      assert.equal(entry.isSymbolicLink(), false, name);
      assert.equal(entry.mode & 0o002, 0, `${name} is for all to write`);
    }
  });

  test("a guest that floods its console fills nothing, and answers on (G86)", async () => {
    await using workbench = bench();
    const flood =
      "mknod /tmp/console c 4 64 && yes flood | head -c 200000 > /tmp/console; echo done; sleep 600";
    const { workload, output, spec } = await workbench.run({
      argv: ["sh", "-c", flood],
      security: { privileged: true },
    });
    await output.until("done");
    const folders = [dirname(workload.handle.socket), spec.stateDirectory];
    for (const folder of folders) {
      for (const name of await readdir(folder)) {
        const { size, blocks } = await stat(join(folder, name));
        assert.ok(size < 100_000 || blocks === 0 || name === "placeholder", `${name}: ${size}`);
      }
    }
    const limit = deadline();
    const sleeps = async (): Promise<boolean> =>
      (await workload.processes(["-o", "pid,args"], limit)).rows.some(
        (row) => row.at(-1) === "sleep 600",
      );
    while (!(await sleeps())) limit.throwIfAborted();
  });

  test("a disk in use is refused to a second machine", async () => {
    await using workbench = bench();
    const root = await place.root();
    await workbench.run({ argv: ["sleep", "600"], spec: { root } });
    await assert.rejects(workbench.run({ argv: ["true"], spec: { root } }), /lock/);
  });

  test("the root of a workload is read and written, running and stopped", async () => {
    await using workbench = bench();
    const root = await place.root();
    const { workload, output } = await workbench.run({
      argv: ["sh", "-c", "echo inside > /note; echo ready; sleep 600"],
      spec: { root },
    });
    await output.until("ready");
    await using running = await workload.openRoot(deadline());
    await running.makeDirectory("/made-running", 0o755, 0, 0, deadline());
    assert.equal((await running.stat("/etc/passwd", false, deadline())).mode & 0o170000, 0o100000);
    await running[Symbol.asyncDispose]();
    await workload.signal(9, deadline());
    await workload.wait(deadline());
    await workload.delete(deadline());
    {
      await using stopped = await runtime.openRoot(root, deadline());
      assert.equal((await stopped.readFile("/note", 100, deadline())).toString(), "inside\n");
      await stopped.makeDirectory("/made-stopped", 0o700, 1000, 1000, deadline());
    }
    const again = await workbench.run({
      argv: ["ls", "-d", "/made-running", "/made-stopped"],
      spec: { root },
    });
    await again.output.ended;
    assert.equal(again.output.stdout, "/made-running\n/made-stopped\n");
  });

  test("a member of the pool that dies is replaced by one that works", async () => {
    await runtime.warm(deadline());
    const { runDirectory } = place.dependencies;
    for (const name of await readdir(runDirectory)) {
      for (const pid of await pidsOf(join(runDirectory, name))) killOrMiss(pid);
    }
    assert.equal(await printed({ argv: ["echo", "alive"] }), "alive\n");
  });

  test("limits of a running machine change in its guest and on its processors", async () => {
    await using workbench = bench();
    const { workload, spec } = await workbench.run({ argv: ["sleep", "600"] });
    const before = await workload.stats(deadline());
    assert.ok(before.memoryLimit > 400 << 20, `${before.memoryLimit}`);
    assert.equal(before.pidsLimit, spec.resources.pids ?? 0);
    assert.equal(before.pids, 1);
    const limits = { ...spec.resources, memory: 64 << 20, pids: 20, cpusetCpus: "0" };
    await workload.update(limits, deadline());
    const after = await workload.stats(deadline());
    assert.equal(after.memoryLimit, 64 << 20);
    assert.equal(after.pidsLimit, 20);
    const status = await readFile(`/proc/${workload.pid}/status`, "utf8");
    assert.match(status, /^Cpus_allowed_list:\t0$/m);
    await assert.rejects(workload.update({ ...limits, cpusetCpus: "4000" }, deadline()), {
      code: "CPUSET_INVALID",
    });
  });

  test("a machine's disk traffic is counted", async () => {
    await using workbench = bench();
    const script = "dd if=/dev/urandom of=/data bs=1M count=6 && sync && echo done; sleep 600";
    const { workload, output } = await workbench.run({ argv: ["sh", "-c", script] });
    await output.until("done");
    const { blockRead, blockWritten } = await workload.stats(deadline());
    assert.ok(blockRead > 0, `${blockRead}`);
    assert.ok(blockWritten >= 6 << 20 && blockWritten < 64 << 20, `${blockWritten}`);
  });

  test("a start that is interrupted at any time leaves no machine", async () => {
    const { runDirectory } = place.dependencies;
    const owned = async (): Promise<readonly string[]> => {
      const found: string[] = [];
      for (const name of await readdir(runDirectory)) {
        const owner = join(runDirectory, name, "owner");
        if ((await readFile(owner, "utf8").catch(() => "")) !== "") found.push(name);
      }
      return found;
    };
    const shared = join(place.folder, "interrupted");
    await mkdir(shared);
    for (const milliseconds of [1, 30, 120, 250]) {
      await using workbench = bench();
      /* Out of the pool, and a clone made for it. */
      for (const wanted of [{}, bind(shared, "/v")]) {
        const spec = await workbench.spec({ argv: ["sleep", "600"], spec: wanted });
        const opened = await runtime
          .open(spec, AbortSignal.timeout(milliseconds))
          .catch(() => undefined);
        await opened?.delete(deadline());
      }
      assert.deepEqual(await owned(), []);
    }
  });

  test("memory that a running machine has not cannot be added", async () => {
    await using workbench = bench();
    const { workload, spec } = await workbench.run({ argv: ["sleep", "600"] });
    await workload.update({ ...spec.resources, cpuShares: 512 }, deadline());
    await assert.rejects(workload.update({ ...spec.resources, memory: 64 * 2 ** 30 }, deadline()), {
      code: "MEMORY_FIXED",
    });
  });
});

/** Paths of a process's descriptors, with their open(2) flags. */
async function openFiles(
  pid: number,
): Promise<readonly (readonly [path: string, flags: number])[]> {
  const found: (readonly [string, number])[] = [];
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const path = await readlink(`/proc/${pid}/fd/${fd}`);
    const facts = await readFile(`/proc/${pid}/fdinfo/${fd}`, "utf8");
    found.push([path, Number.parseInt(/^flags:\t(\d+)$/m.exec(facts)?.[1] ?? "", 8)]);
  }
  return found;
}

/** The end of one of them may be the other's. */
function killOrMiss(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

async function pidsOf(words: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(words)) found.push(Number(pid));
  }
  return found;
}
