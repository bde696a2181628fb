import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { imageArchive, loadImages } from "../e2e/images.ts";
import { run, type RunResult } from "../../src/kit/subprocess.ts";

const commandMilliseconds = 60_000;

/** A data root on a small file system of its own, unmounted after the daemon's end. */
function onSmallDisk(size: string) {
  return async (folder: string): Promise<() => Promise<void>> => {
    const data = join(folder, "data");
    const signal = AbortSignal.timeout(commandMilliseconds);
    await mkdir(data);
    await run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", data], { signal });
    return async () => {
      await run("umount", [data], { signal: AbortSignal.timeout(commandMilliseconds) });
    };
  };
}

async function build(daemon: TestDaemon, dockerfile: string, folder: string): Promise<RunResult> {
  const program = join(import.meta.dirname, "../../bin/duet");
  return await run(program, ["build", "--progress", "plain", "-f", "-", folder], {
    signal: AbortSignal.timeout(180_000),
    input: dockerfile,
    okCodes: "any",
    env: { DUET_HOST: `unix://${daemon.socket}` },
  });
}

test("a full disk refuses work with a reason, loses nothing, and is freed by removal", async (context) => {
  const daemon = await TestDaemon.start(context, {
    flags: containersOnly,
    prepare: onSmallDisk("16m"),
  });
  await loadImages(daemon, "busybox");
  const fill = "dd if=/dev/zero of=/big bs=1M; echo full >&2; exit 5";

  await context.test("a build that fills it fails with a reason, and leaves nothing", async () => {
    const folder = join(daemon.folder, "context");
    await mkdir(folder);
    await writeFile(join(folder, "large"), randomBytes(5 << 20));
    const running = `FROM busybox\nRUN ${fill}\n`;
    const storing = "FROM busybox\nRUN head -c 7000000 /dev/urandom > /big\n";
    const copying = "FROM busybox\nCOPY large /\nCOPY large /again\n";
    for (const dockerfile of [running, storing, copying]) {
      const failed = await build(daemon, dockerfile, folder);
      assert.notEqual(failed.code, 0, dockerfile);
      assert.match(failed.stderr, /no space left|disk is full|ENOSPC/i);
      await daemon.assertNothingOf("a build that filled the disk");
      await daemon.docker("builder", "prune", "-af");
    }
    const small = await build(daemon, "FROM busybox\nRUN echo room > /room\n", folder);
    assert.equal(small.code, 0, small.stderr);
  });
  await daemon.docker("run", "-d", "--name", "steady", "busybox", "sleep", "1000");

  await context.test(
    "a container that fills it ends with its own error, others run on",
    async () => {
      const filled = await daemon.tryDocker(["run", "--name", "fill", "busybox", "sh", "-c", fill]);
      assert.equal(filled.code, 5, filled.stderr);
      assert.match(filled.stderr, /No space left on device/);
      assert.match(await daemon.docker("ps", "--format", "{{.Names}}"), /steady/);
      assert.equal(await daemon.docker("exec", "steady", "echo", "alive"), "alive\n");
    },
  );

  await context.test(
    "a load, a volume's content and a new container fail with a reason",
    async () => {
      const load = await daemon.tryDocker(["load", "-q", "-i", await imageArchive("nginx")]);
      assert.equal(load.code, 1);
      assert.match(load.stderr, /no space left|disk is full|ENOSPC/i);
      const exported = await daemon.tryDocker(["create", "--name", "late", "busybox"]);
      if (exported.code !== 0) assert.match(exported.stderr, /no space left|disk is full|ENOSPC/i);
      assert.equal(await daemon.docker("exec", "steady", "echo", "alive"), "alive\n");
    },
  );

  await context.test(
    "a daemon starts on it, and removal of what filled it makes room",
    async () => {
      await daemon.end("SIGKILL");
      await daemon.launch();
      await daemon.docker("rm", "fill");
      assert.equal(await daemon.docker("run", "--rm", "busybox", "echo", "room"), "room\n");
      await daemon.tryDocker(["rm", "late"]);
    },
  );
});

test("subscribers that stop reading are dropped, and the daemon goes on", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const idle = daemon.request("GET", "/events");
  const response = await idle.head;
  response.pause();
  const many = [
    "run",
    "-d",
    "--name",
    "loud",
    "busybox",
    "sh",
    "-c",
    "yes | head -c 4000000; sleep 1000",
  ];
  await daemon.docker(...many);
  const stuck = daemon.request("GET", "/containers/loud/logs?stdout=1&follow=1");
  (await stuck.head).pause();
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(Array.from({ length: 10 }, () => daemon.docker("exec", "loud", "true")));
  }
  assert.match(await daemon.docker("ps", "--format", "{{.Names}}"), /loud/);
  idle.breakOff();
  stuck.breakOff();
  await daemon.docker("rm", "-f", "loud");
  await daemon.assertNothingOf("the loud one");
});
