import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { imageArchive, loadImages } from "../e2e/images.ts";
import { startRegistry } from "../e2e/registry.ts";

interface Step {
  readonly failpoint: string;
  /** What lets passes at the daemon's start go first, such as `1*off->`. */
  readonly passes?: string;
  /** What the client does while the failpoint is armed. */
  readonly attempt: readonly string[];
  /** What makes it so after the next start, whether or not it was so already. */
  readonly again: readonly string[];
}

/** Kills the daemon at the step, starts another and lets it do the same again. */
async function killAt(daemon: TestDaemon, step: Step): Promise<void> {
  await daemon.end("SIGTERM");
  await daemon.launch(`${step.failpoint}=${step.passes ?? ""}kill`);
  const attempt = daemon.tryDocker(step.attempt);
  await daemon.ended();
  await attempt;
  await daemon.launch();
  const again = await daemon.tryDocker(step.again);
  const isDone = again.code === 0 || /already exists|not found|no such/i.test(again.stderr);
  assert.ok(isDone, again.stderr);
}

test("a daemon killed at any step of a pull or load keeps no half of an image (I105)", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  const registry = await startRegistry(daemon);
  await loadImages(daemon, "busybox");
  const name = `${registry}/busybox:latest`;
  await daemon.docker("tag", "busybox", name);
  await daemon.docker("push", "-q", name);
  await daemon.docker("rmi", "-f", name, "busybox");
  const echo = ["run", "--rm", name, "echo", "whole"];
  await daemon.docker("pull", "-q", name);
  for (const failpoint of ["push.blob", "push.blobs", "push.manifests"]) {
    await context.test(`push, at ${failpoint}`, async () => {
      const copy = `${registry}/${failpoint}:1`;
      await daemon.docker("tag", name, copy);
      const push = ["push", "-q", copy];
      await killAt(daemon, { failpoint, attempt: push, again: push });
      await daemon.docker("rmi", copy);
      await daemon.docker("pull", "-q", copy);
      await daemon.docker("rmi", copy);
    });
  }
  await daemon.docker("rmi", name);
  for (const failpoint of [
    "pull.manifest",
    "content.synced",
    "content.renamed",
    "pull.layer",
    "snapshot.unpacked",
    "pull.unpacked",
    "pull.stored",
  ]) {
    await context.test(`pull, at ${failpoint}`, async () => {
      await killAt(daemon, {
        failpoint,
        attempt: ["pull", "-q", name],
        again: ["pull", "-q", name],
      });
      assert.equal(await daemon.docker(...echo), "whole\n");
      await daemon.docker("rmi", name);
    });
  }
  await context.test("what a pull that was killed has left is gone with a prune", async () => {
    await daemon.end("SIGTERM");
    await daemon.launch("content.synced=kill");
    await daemon.tryDocker(["pull", "-q", name]);
    await daemon.ended();
    await daemon.launch();
    assert.notDeepEqual(await daemon.contentLeft(), []);
    const body = await daemon.request("POST", "/images/prune").body;
    const { SpaceReclaimed } = JSON.parse(body) as { readonly SpaceReclaimed: number };
    assert.ok(SpaceReclaimed > 0, body);
    assert.deepEqual(await daemon.contentLeft(), []);
  });
  const load = ["load", "-q", "-i", await imageArchive("busybox")];
  for (const failpoint of ["load.read", "load.stored"]) {
    await context.test(`load, at ${failpoint}`, async () => {
      await killAt(daemon, { failpoint, attempt: load, again: load });
      assert.equal(await daemon.docker("run", "--rm", "busybox", "echo", "whole"), "whole\n");
      await daemon.docker("rmi", "busybox");
    });
  }
  for (const failpoint of ["commit.layer", "snapshot.unpacked", "commit.stored"]) {
    await context.test(`commit, at ${failpoint}`, async () => {
      await daemon.docker(...load);
      await daemon.docker("create", "--name", "maker", "busybox", "true");
      const text = join(daemon.folder, "text");
      await writeFile(text, "whole\n");
      await daemon.docker("cp", text, "maker:/text");
      const commit = ["commit", "maker", "made"];
      await killAt(daemon, { failpoint, attempt: commit, again: commit });
      assert.equal(await daemon.docker("run", "--rm", "made", "cat", "/text"), "whole\n");
      await daemon.docker("rm", "maker");
      await daemon.docker("rmi", "made", "busybox");
    });
  }
  for (const failpoint of ["import.layer", "import.stored"]) {
    await context.test(`import, at ${failpoint}`, async () => {
      await daemon.docker(...load);
      await daemon.docker("create", "--name", "maker", "busybox", "true");
      const tar = join(daemon.folder, "root.tar");
      await daemon.docker("export", "-o", tar, "maker");
      const words = ["import", tar, "made"];
      await killAt(daemon, { failpoint, attempt: words, again: words });
      assert.equal(await daemon.docker("run", "--rm", "made", "echo", "whole"), "whole\n");
      await daemon.docker("rm", "maker");
      await daemon.docker("rmi", "-f", "made", "busybox");
      await daemon.docker("image", "prune", "-f");
    });
  }
  for (const failpoint of ["image.removed", "collect.roots", "snapshot.record-removed"]) {
    await context.test(`image removal, at ${failpoint}`, async () => {
      await daemon.docker(...load);
      const attempt = ["rmi", "busybox"];
      // At its start a daemon collects garbage, too: the second pass is the removal's.
      const passes = failpoint === "collect.roots" ? "1*off->" : "";
      await daemon.end("SIGTERM");
      await daemon.launch(`${failpoint}=${passes}kill`);
      const killed = daemon.tryDocker(attempt);
      await daemon.ended();
      await killed;
      await daemon.launch();
      assert.equal(await daemon.docker("images", "-q"), "");
    });
  }
  await daemon.end("SIGTERM");
  await daemon.launch();
  await daemon.docker("image", "prune", "-f");
  assert.deepEqual(await daemon.contentLeft(), []);
});

test("a daemon killed at any step of a network's, volume's or exec's life makes it whole (I105)", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const steps: readonly Step[] = [
    ...["network.up.bridge", "network.up.rules", "network.up"].map((failpoint) => ({
      failpoint,
      // The default bridge comes up at the daemon's start.
      passes: failpoint === "network.up" ? "" : "1*off->",
      attempt: ["network", "create", "--subnet", "10.77.0.0/24", "made"],
      again: ["network", "create", "--subnet", "10.77.0.0/24", "made"],
    })),
    ...["network.removed", "network.down.bridge"].map((failpoint) => ({
      failpoint,
      attempt: ["network", "rm", "made"],
      again: ["network", "rm", "made"],
    })),
    ...["volume.folder"].map((failpoint) => ({
      failpoint,
      attempt: ["volume", "create", "data"],
      again: ["volume", "create", "data"],
    })),
    {
      failpoint: "volume.removed",
      attempt: ["volume", "rm", "data"],
      again: ["volume", "create", "data"],
    },
  ];
  for (const step of steps) {
    await context.test(`${step.attempt.slice(0, 2).join(" ")}, at ${step.failpoint}`, async () => {
      if (step.attempt[1] === "rm") await daemon.tryDocker(step.attempt.with(1, "create"));
      else await daemon.tryDocker([...step.attempt.slice(0, 1), "rm", step.attempt.at(-1) ?? ""]);
      await killAt(daemon, step);
    });
  }
  await daemon.tryDocker(["network", "rm", "made"]);
  await daemon.docker("volume", "rm", "data");

  await daemon.docker("network", "create", "more");
  await daemon.docker("run", "-d", "--name", "box", "busybox", "sleep", "1000");
  for (const [failpoint, verb] of [
    ["network.connected", "connect"],
    ["network.connect.device", "connect"],
    ["network.disconnected", "disconnect"],
  ] as const) {
    await context.test(`network ${verb}, at ${failpoint}`, async () => {
      const undo = verb === "connect" ? "disconnect" : "connect";
      await daemon.tryDocker(["network", undo, "more", "box"]);
      await daemon.end("SIGTERM");
      await daemon.launch(`${failpoint}=kill`);
      const attempt = daemon.tryDocker(["network", verb, "more", "box"]);
      await daemon.ended();
      await attempt;
      await daemon.launch();
      await daemon.tryDocker(["network", verb, "more", "box"]);
      const links = await daemon.docker("exec", "box", "ip", "-o", "link");
      assert.equal(links.trim().split("\n").length, verb === "connect" ? 3 : 2, links);
    });
  }
  await context.test("exec, at exec.started", async () => {
    const exec = ["exec", "box", "sh", "-c", "echo in; sleep 1; echo out"];
    await killAt(daemon, { failpoint: "exec.started", attempt: exec, again: exec });
  });
  for (const failpoint of ["restore.found", "restore.settled"]) {
    await context.test(`start of the daemon, at ${failpoint}`, async () => {
      await daemon.end("SIGKILL");
      await assert.rejects(daemon.launch(`${failpoint}=kill`));
      await daemon.launch();
      assert.equal(await daemon.docker("exec", "box", "echo", "alive"), "alive\n");
    });
  }
  await daemon.docker("rm", "-f", "box");
  await daemon.assertNothingOf("the box");
});

test("a data root has one daemon, a host has many", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  await context.test("a second daemon on the same data root is refused", async () => {
    await mkdir(join(daemon.folder, "other"), { recursive: true });
    const second = await daemon.tryOnHost([
      join(import.meta.dirname, "../../bin/duetd"),
      ...["--data-root", join(daemon.folder, "data"), "--run-dir", join(daemon.folder, "other")],
    ]);
    assert.equal(second.code, 1);
    assert.match(second.stderr, /another|in use|locked/i);
    assert.equal(await daemon.docker("ps", "-q"), "");
  });
  await context.test(
    "two daemons run containers on networks of their own side by side",
    async (inner) => {
      const other = await TestDaemon.start(inner, { beside: daemon, flags: containersOnly });
      await loadImages(other, "busybox");
      const box = ["run", "-d", "--name", "box", "busybox", "sleep", "1000"];
      const [mine, theirs] = await Promise.all([daemon.docker(...box), other.docker(...box)]);
      assert.notEqual(mine, theirs);
      const address = async (of: TestDaemon): Promise<string> =>
        await of.docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "box");
      assert.notEqual(await address(daemon), await address(other));
      await other.end("SIGKILL");
      assert.equal(await daemon.docker("exec", "box", "echo", "mine"), "mine\n");
      await other.launch();
      assert.equal(await other.docker("exec", "box", "echo", "theirs"), "theirs\n");
      await other.docker("rm", "-f", "box");
      await daemon.docker("rm", "-f", "box");
    },
  );
});
