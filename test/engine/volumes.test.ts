import assert from "node:assert/strict";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

test("volumes belong to the containers that use them", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");

  await context.test("a volume of a container that is being made cannot be removed", async () => {
    await daemon.end("SIGTERM");
    await daemon.launch("snapshot.prepared=hang");
    const making = daemon.tryDocker(["create", "-v", "data:/data", "-v", "/anonymous", "busybox"]);
    await daemon.eventually(
      async () => (await daemon.docker("volume", "ls", "-q")).split("\n").length === 3,
    );
    const refused = await daemon.tryDocker(["volume", "rm", "data"]);
    assert.match(refused.stderr, /volume is in use/);
    assert.match(await daemon.docker("volume", "prune", "-af"), /^Total reclaimed space: 0B/);
    await daemon.end("SIGKILL");
    await making;
    await daemon.launch();
    await daemon.docker("volume", "prune", "-af");
    assert.equal(await daemon.docker("volume", "ls", "-q"), "");
  });

  await context.test(
    "a volume in use stays, an anonymous one goes with its container",
    async () => {
      await daemon.docker(
        "run",
        "-d",
        "--name",
        "box",
        "-v",
        "kept:/kept",
        "-v",
        "/own",
        "busybox",
        "sleep",
        "1000",
      );
      assert.match((await daemon.tryDocker(["volume", "rm", "kept"])).stderr, /volume is in use/);
      await daemon.docker("rm", "-fv", "box");
      assert.equal(await daemon.docker("volume", "ls", "-q"), "kept\n");
      await daemon.docker("volume", "rm", "kept");
    },
  );

  await context.test("a container that is refused leaves none of its new volumes", async () => {
    const refused = await daemon.tryDocker([
      "create",
      "-v",
      "fresh:/fresh",
      "--mount",
      "type=bind,source=/nowhere/absent,target=/bound",
      "busybox",
    ]);
    assert.equal(refused.code, 1);
    assert.equal(await daemon.docker("volume", "ls", "-q"), "");
  });
});

test("the daemon starts again what has to run, and what its policy says", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const names = async (): Promise<string> =>
    (await daemon.docker("ps", "--format", "{{.Names}}")).split("\n").toSorted().join(" ").trim();
  for (const policy of ["always", "unless-stopped", "no"]) {
    const run = ["run", "-d", "--restart", policy, "--name", policy, "busybox", "sleep", "1000"];
    await daemon.docker(...run);
    await daemon.docker("stop", "-t", "0", policy);
  }
  await daemon.docker("run", "-d", "--name", "runs", "busybox", "sleep", "1000");
  await daemon.end("SIGTERM");
  await daemon.launch();
  await daemon.eventually(async () => (await names()) === "always runs");
  const logs = daemon.docker("logs", "-f", "runs");
  await daemon.docker("kill", "-s", "KILL", "runs");
  assert.equal(await logs, "");
  assert.equal(await daemon.docker("wait", "runs"), "137\n");
});
