import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

const vm = ["run", "--rm", "--isolation=vm", "--name", "victim", "busybox"];

async function machines(daemon: TestDaemon): Promise<readonly string[]> {
  return await readdir(join(daemon.folder, "run/vm")).catch(() => []);
}

test("a daemon killed at any step of a VM's life leaves no VM, and the next one starts it (I105)", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox");
  for (const step of [
    "start.starting",
    "start.opened",
    "start.connected",
    "start.created",
    "start.started",
    "exit.stored",
    "remove.record",
  ]) {
    await context.test(`at ${step}`, async () => {
      await daemon.end("SIGTERM");
      await daemon.launch(`${step}=kill`);
      const attempt = daemon.tryDocker([...vm, "sleep", step.startsWith("start") ? "1000" : "0"]);
      await daemon.ended();
      await attempt;
      await daemon.launch();
      await daemon.tryDocker(["rm", "-f", "victim"]);
      assert.equal(await daemon.docker("ps", "-aq"), "");
      await daemon.assertNothingOf("the VM");
      assert.deepEqual(await machines(daemon), []);
    });
  }
  await context.test("while it is connected to a network and taken off it", async () => {
    await daemon.docker("network", "create", "more");
    const run = ["run", "-d", "--isolation=vm", "--name", "victim"];
    await daemon.docker(...run, "busybox", "sleep", "1000");
    for (const step of ["connect", "disconnect"]) {
      await daemon.end("SIGTERM");
      await daemon.launch(`network.${step}ed=kill`);
      const attempt = daemon.tryDocker(["network", step, "more", "victim"]);
      await daemon.ended();
      await attempt;
      await daemon.launch();
      await daemon.docker("network", step, "more", "victim");
      const links = await daemon.docker("exec", "victim", "ip", "-o", "-4", "addr");
      assert.equal(links.includes("eth1"), step === "connect", links);
    }
    await daemon.docker("rm", "-f", "victim");
    await daemon.docker("network", "rm", "more");
  });
  await context.test("while the template of a new shape boots", async () => {
    await daemon.end("SIGTERM");
    await daemon.launch("vm.template=kill");
    const attempt = daemon.tryDocker([...vm.slice(0, -1), "--memory=1500m", "busybox"]);
    await daemon.ended();
    await attempt;
    assert.deepEqual(await daemon.emulatorsLeft(), []);
    await daemon.launch();
    assert.deepEqual(await machines(daemon), []);
  });
  assert.equal(await daemon.docker(...vm, "echo", "again"), "again\n");
});
