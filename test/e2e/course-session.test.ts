import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { printed } from "../attacks/hostile-image.ts";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";

/** The hands-on session of every container course, once per isolation, through the real docker client. */
for (const isolation of ["container", "vm"] as const) {
  const option = isolation === "vm" ? ["--isolation=vm"] : [];

  test(`hello-world greets from a ${isolation}`, async (context) => {
    const daemon = await TestDaemon.start(context);
    await loadImages(daemon, "hello-world");
    const text = await daemon.docker("run", "--rm", ...option, "hello-world");
    assert.match(text, /Hello from Duet!/);
  });

  test(`nginx in a ${isolation} serves its page on the published port, and is listed, logged, entered, stopped and removed`, async (context) => {
    const daemon = await TestDaemon.start(context);
    await loadImages(daemon, "nginx");
    const id = (
      await daemon.docker("run", "-d", ...option, "-p", "8080:80", "--name", "web", "nginx:latest")
    ).trim();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.match(await daemon.page("http://127.0.0.1:8080/"), /Welcome to nginx!/);
    const listed = await daemon.docker(
      "ps",
      "--format",
      "{{.Names}} {{.Image}} {{.Ports}} {{.Status}}",
    );
    assert.match(listed, /^web nginx:latest 0\.0\.0\.0:8080->80\/tcp.* Up /);
    await printed(daemon, "web", '"GET / HTTP/1.1" 200');
    assert.match(await daemon.docker("logs", "web"), /"GET \/ HTTP\/1\.1" 200/);
    const entered = await daemon.docker("exec", "web", "sh", "-c", "uname -r; cat /proc/1/comm");
    const [kernel, first] = entered.trim().split("\n");
    if (isolation === "vm") assert.notEqual(kernel, release());
    else assert.equal(kernel, release());
    assert.equal(first, "nginx");
    await daemon.docker("stop", "web");
    assert.match(await daemon.docker("ps", "-a", "--format", "{{.Status}}"), /^Exited \(0\)/);
    await daemon.docker("rm", "web");
    assert.equal(await daemon.docker("ps", "-aq"), "");
  });

  test(`a ${isolation} passes on exit codes, output streams and input`, async (context) => {
    const daemon = await TestDaemon.start(context);
    await loadImages(daemon, "busybox");
    const shell = ["run", "--rm", ...option, "busybox", "sh", "-c"];
    const failed = await daemon.tryDocker([...shell, "echo out; echo err >&2; exit 7"]);
    assert.equal(failed.code, 7);
    assert.equal(failed.stdout.toString(), "out\n");
    assert.equal(failed.stderr, "err\n");
    const echoed = await daemon.tryDocker(
      ["run", "--rm", "-i", ...option, "busybox", "wc", "-c"],
      [0],
      "x".repeat(300_000),
    );
    assert.equal(echoed.stdout.toString().trim(), "300000");
    const missing = await daemon.tryDocker([
      "run",
      "--rm",
      ...option,
      "busybox",
      "no-such-program",
    ]);
    assert.equal(missing.code, 127, missing.stderr);
    const folder = await daemon.tryDocker(["run", "--rm", ...option, "busybox", "/etc"]);
    assert.equal(folder.code, 126, folder.stderr);
    const user = await daemon.docker(
      "run",
      "--rm",
      ...option,
      "-u",
      "www-data",
      "-w",
      "/tmp",
      "-e",
      "A=b c",
      "busybox",
      "sh",
      "-c",
      'id -un; pwd; echo "$A"; hostname',
    );
    assert.match(user, /^www-data\n\/tmp\nb c\n[0-9a-f]{12}\n$/);
  });

  test(`files go in and out of a ${isolation}, running and stopped, and stay over a restart`, async (context) => {
    const daemon = await TestDaemon.start(context);
    await loadImages(daemon, "busybox");
    await daemon.docker("run", "-d", ...option, "--name", "box", "busybox", "sleep", "1000");
    await daemon.docker("exec", "box", "sh", "-c", "echo kept > /root/note");
    await daemon.docker("cp", import.meta.filename, "box:/tmp/in.ts");
    const size = await daemon.docker("exec", "box", "sh", "-c", "wc -l < /tmp/in.ts");
    assert.ok(Number(size) > 10);
    await daemon.docker("stop", "-t", "0", "box");
    assert.match((await daemon.tryDocker(["cp", "box:/root/note", "-"])).stdout.toString(), /kept/);
    await daemon.docker("start", "box");
    assert.equal(await daemon.docker("exec", "box", "cat", "/root/note"), "kept\n");
  });

  test(`volumes and bind mounts of a ${isolation} keep owners, modes and read-only`, async (context) => {
    const daemon = await TestDaemon.start(context);
    await loadImages(daemon, "busybox");
    const run = ["run", "--rm", ...option, "-v", "data:/data"];
    await daemon.docker(
      ...run,
      "busybox",
      "sh",
      "-c",
      "echo a > /data/f; chown 33:33 /data/f; chmod 640 /data/f",
    );
    const stat = await daemon.docker(...run, "busybox", "stat", "-c", "%u %g %a", "/data/f");
    assert.equal(stat, "33 33 640\n");
    const refused = await daemon.tryDocker([
      "run",
      "--rm",
      ...option,
      "-v",
      "data:/data:ro",
      "busybox",
      "touch",
      "/data/g",
    ]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Read-only file system/);
    const readonly = await daemon.tryDocker([
      "run",
      "--rm",
      ...option,
      "--read-only",
      "--tmpfs",
      "/scratch",
      "busybox",
      "sh",
      "-c",
      "touch /scratch/x && touch /x",
    ]);
    assert.match(readonly.stderr, /\/x: Read-only file system/);
  });
}
