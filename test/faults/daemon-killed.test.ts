import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { printed } from "../attacks/hostile-image.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

for (const isolation of ["container", "vm"] as const) {
  const option = isolation === "vm" ? ["--isolation=vm"] : [];

  test(`a ${isolation} outlives the daemon: it serves, logs grow, and the next daemon follows it to its exit code (I107)`, async (context) => {
    const daemon = await TestDaemon.start(
      context,
      isolation === "vm" ? {} : { flags: containersOnly },
    );
    await loadImages(daemon, "busybox");
    const script =
      "i=0; while [ ! -e /stop ]; do i=$((i+1)); echo line $i; sleep 0.1; done; exit 9";
    await daemon.docker("run", "-d", ...option, "--name", "worker", "busybox", "sh", "-c", script);
    await daemon.docker("exec", "worker", "true");
    const before = (await daemon.docker("logs", "worker")).split("\n").length;
    await daemon.end("SIGKILL");
    await daemon.launch();
    assert.match(await daemon.docker("ps", "--format", "{{.Names}} {{.Status}}"), /^worker Up/);
    await printed(daemon, "worker", `line ${before + 1}\n`);
    await daemon.docker("exec", "worker", "touch", "/stop");
    assert.equal(await daemon.docker("wait", "worker"), "9\n");
    await daemon.docker("rm", "worker");
  });

  test(`a ${isolation} that ends while no daemon runs is found with its exit code`, async (context) => {
    const daemon = await TestDaemon.start(
      context,
      isolation === "vm" ? {} : { flags: containersOnly },
    );
    await loadImages(daemon, "busybox");
    const script = "read line; exit 5";
    await daemon.docker(
      "run",
      "-d",
      ...option,
      "-v",
      `${daemon.folder}:/shared`,
      "--name",
      "short",
      "busybox",
      "sh",
      "-c",
      `while [ ! -e /shared/go ]; do sleep 0.1; done; ${script}`,
    );
    await daemon.end("SIGKILL");
    await daemon.onHost("touch", `${daemon.folder}/go`);
    await daemon.launch();
    assert.equal(await daemon.docker("wait", "short"), "5\n");
    const until = String(Math.ceil(Date.now() / 1_000));
    const died = ["events", "--since", "0", "--until", until, "--filter", "event=die"];
    const told =
      '{{index .Actor.Attributes "exitCode"}} {{index .Actor.Attributes "execDuration"}}';
    assert.match(await daemon.docker(...died, "--format", told), /^5 \d+\n$/);
    await daemon.docker("rm", "short");
  });
}

test("a daemon killed while it makes a template leaves no guest behind (I105)", async (context) => {
  const failpoints = "vm.template=hang";
  const daemon = await TestDaemon.start(context, { vmTemplates: false, failpoints });
  const templates = join(daemon.folder, "data/vm/templates");
  const late = AbortSignal.timeout(180_000);
  const boots = async (): Promise<boolean> =>
    (await readdir(templates).catch(() => [])).some((name) =>
      existsSync(join(templates, name, "agent.sock")),
    );
  while (!(await boots())) late.throwIfAborted();
  await daemon.end("SIGKILL");
  assert.deepEqual(await daemon.emulatorsLeft(), []);
  await daemon.launch();
});

const startSteps = [
  "create.root",
  "create.stored",
  "start.starting",
  "start.opened",
  "start.connected",
  "start.created",
  "start.started",
  "exit.stored",
  "exit.released",
  "remove.record",
  "remove.bytes",
];

for (const step of startSteps) {
  test(`a daemon killed at ${step} leaves a state that the next daemon makes whole (I105)`, async (context) => {
    const daemon = await TestDaemon.start(context, { flags: containersOnly });
    await loadImages(daemon, "busybox");
    await daemon.end("SIGTERM");
    await daemon.launch(`${step}=kill`);
    const attempt = daemon.tryDocker(["run", "--name", "victim", "--rm", "busybox", "true"]);
    await daemon.ended();
    await attempt;
    await daemon.launch();
    await daemon.tryDocker(["rm", "-f", "victim"]);
    assert.equal(await daemon.docker("ps", "-aq"), "");
    assert.equal(
      await daemon.docker("run", "--rm", "--name", "victim", "busybox", "echo", "again"),
      "again\n",
    );
    await daemon.assertNothingOf("busybox");
  });
}
