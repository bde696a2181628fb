import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

const sleeper = ["busybox", "sleep", "1000"] as const;

test("containers share namespaces as Docker's do", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const docker = daemon.docker.bind(daemon);
  const start = (name: string, ...args: string[]): Promise<string> =>
    docker("run", "-d", "--name", name, ...args, ...sleeper);
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon.tryDocker(args);
    assert.notEqual(code, 0, args.join(" "));
    return stderr;
  };

  await start("donor", "--ipc", "shareable");
  const id = (await docker("inspect", "-f", "{{.Id}}", "donor")).trim();
  const joinAll = ["--pid", "container:donor", "--ipc", "container:donor"];

  await context.test("processes and shared memory of one are the other's", async () => {
    const seen = await docker(
      ...["run", "--rm", ...joinAll, "busybox", "sh", "-c"],
      "echo word > /dev/shm/file; ps",
    );
    assert.match(seen, /1 root +sleep 1000/);
    assert.equal(await docker("exec", "donor", "cat", "/dev/shm/file"), "word\n");
  });

  await context.test("another container is kept by its id, whatever its name becomes", async () => {
    await docker("create", "--name", "kept", ...joinAll, "busybox", "true");
    await docker("rename", "donor", "donor2");
    const modes = "{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}}";
    const shown = await docker("inspect", "-f", modes, "kept");
    assert.equal(shown, `container:${id} container:${id}\n`);
    await docker("start", "-a", "kept");
    await docker("rename", "donor2", "donor");
    await docker("rm", "kept");
  });

  await context.test("what is not shareable, missing or stopped cannot be joined", async () => {
    await start("closed");
    assert.match(
      await refused("run", "--rm", "--ipc", "container:closed", "busybox", "true"),
      /failed to join IPC namespace: container [0-9a-f]{64}: non-shareable IPC \(hint: use IpcMode:shareable/,
    );
    assert.match(
      await refused("create", "--pid", "container:nobody", "busybox"),
      /No such container: nobody/,
    );
    await docker("rm", "-f", "closed");
    await start("guest", ...joinAll, "--network", "container:donor");
    await docker("stop", "-t", "0", "donor");
    assert.equal(await docker("wait", "guest"), "137\n");
    assert.match(await refused("start", "guest"), /container donor is exited/);
    await docker("start", "donor");
    await docker("start", "guest");
    await docker("rm", "-f", "guest");
  });

  await context.test("no shared memory, the host's, and the host's processes", async () => {
    const none = await daemon.tryDocker([
      "run",
      "--rm",
      "--ipc",
      "none",
      "busybox",
      "ls",
      "/dev/shm",
    ]);
    assert.match(none.stdout.toString() + none.stderr, /No such file/);
    const link = ["busybox", "readlink"] as const;
    const shared = await docker("run", "--rm", "--ipc", "host", ...link, "/proc/self/ns/ipc");
    const own = await daemon.onHost("readlink", "/proc/self/ns/ipc");
    assert.equal(shared, own.stdout.toString());
    const uts = await docker("run", "--rm", "--uts", "host", ...link, "/proc/self/ns/uts");
    assert.equal(uts, (await daemon.onHost("readlink", "/proc/self/ns/uts")).stdout.toString());
  });

  await context.test("shared memory survives the daemon, and goes with its container", async () => {
    const mounts = async (): Promise<string[]> =>
      (await readFile("/proc/self/mounts", "utf8"))
        .split("\n")
        .filter((line) => line.includes(join(daemon.folder, "run/m")));
    assert.equal((await mounts()).length, 1);
    await daemon.end("SIGKILL");
    await daemon.launch();
    assert.equal((await mounts()).length, 1);
    const again = ["run", "--rm", "--ipc", "container:donor", "busybox", "cat", "/dev/shm/file"];
    await docker("exec", "donor", "sh", "-c", "echo again > /dev/shm/file");
    assert.equal(await docker(...again), "again\n");
    await docker("rm", "-f", "donor");
    await daemon.assertNothingOf("a container with shareable memory");
    assert.deepEqual(await mounts(), []);
  });
});
