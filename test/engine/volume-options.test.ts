import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

test("volumes of the local driver's options behave as Docker's", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const docker = daemon.docker.bind(daemon);
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon.tryDocker(args);
    assert.notEqual(code, 0, args.join(" "));
    return stderr;
  };
  const volume = (name: string, type: string, device: string, o: string): Promise<string> =>
    docker(
      "volume",
      "create",
      "-o",
      `type=${type}`,
      "-o",
      `device=${device}`,
      "-o",
      `o=${o}`,
      name,
    );
  const mounted = async (): Promise<string[]> =>
    (await readFile("/proc/self/mounts", "utf8"))
      .split("\n")
      .filter((line) => line.includes(join(daemon.folder, "data/volumes")));
  const shell = (mount: string, script: string): Promise<string> =>
    docker("run", "--rm", ...mount.split(" "), "busybox", "sh", "-c", script);

  await context.test("a tmpfs is one for all its users, and gone after the last", async () => {
    await volume("fast", "tmpfs", "tmpfs", "size=1m,uid=7");
    assert.deepEqual(
      JSON.parse(await docker("volume", "inspect", "-f", "{{json .Options}}", "fast")),
      { type: "tmpfs", device: "tmpfs", o: "size=1m,uid=7" },
    );
    assert.deepEqual(await mounted(), []);
    await docker("run", "-d", "--name", "first", "-v", "fast:/x", "busybox", "sleep", "1000");
    assert.match(await shell("-v fast:/x", "df /x | tail -1; echo hi > /x/f"), /^tmpfs +1024/);
    assert.equal(await docker("exec", "first", "cat", "/x/f"), "hi\n");
    assert.equal((await mounted()).length, 1);
    assert.match(await refused("volume", "rm", "fast"), /volume is in use/);
    await docker("rm", "-f", "first");
    await daemon.assertNothingOf("a container with a tmpfs volume");
    assert.deepEqual(await mounted(), []);
    assert.equal(await shell("-v fast:/x", "ls /x"), "");
  });

  await context.test("a bound folder keeps its content when its volume goes", async () => {
    const folder = join(daemon.folder, "bound");
    await mkdir(folder);
    await writeFile(join(folder, "precious"), "stays");
    await volume("bound", "none", folder, "bind");
    assert.equal(await shell("-v bound:/x", "cat /x/precious; touch /x/more"), "stays");
    await volume("bound-ro", "none", folder, "bind,ro");
    assert.match(await shell("-v bound-ro:/x", "touch /x/y 2>&1 || true"), /Read-only/);
    await docker("volume", "prune", "-af");
    assert.match(await docker("volume", "ls", "-q"), /bound\nbound-ro\n/);
    await docker("volume", "rm", "bound", "bound-ro");
    assert.equal(await readFile(join(folder, "precious"), "utf8"), "stays");
    assert.equal(await readFile(join(folder, "more"), "utf8"), "");
  });

  await context.test(
    "mounts survive a killed daemon, and those of dead users are undone",
    async () => {
      await docker("run", "-d", "--name", "stays", "-v", "fast:/x", "busybox", "sleep", "1000");
      await volume("other", "tmpfs", "tmpfs", "");
      await docker("run", "-d", "--name", "goes", "-v", "other:/x", "busybox", "sleep", "1000");
      const pid = Number(await docker("inspect", "-f", "{{.State.Pid}}", "goes"));
      assert.equal((await mounted()).length, 2);
      await daemon.end("SIGKILL");
      process.kill(pid, "SIGKILL");
      await daemon.launch();
      await docker("wait", "goes");
      // One that is asked to stop finishes the clean-up of what has just ended.
      await daemon.end("SIGTERM");
      assert.equal((await mounted()).length, 1);
      await daemon.launch();
      assert.match((await mounted())[0] ?? "", /volumes\/fast/);
      await docker("rm", "-f", "stays", "goes");
      await daemon.assertNothingOf("containers of a killed daemon");
      assert.deepEqual(await mounted(), []);
    },
  );

  await context.test("what cannot be mounted fails at start, in Docker's words", async () => {
    await volume("nowhere", "none", "/no/such/folder", "bind");
    await docker("create", "--name", "lost", "-v", "nowhere:/x", "busybox", "true");
    assert.match(
      await refused("start", "lost"),
      /error while mounting volume '.*_data': failed to mount local volume: mount \/no\/such\/folder:.*_data, flags: 0x1000: no such file or directory/,
    );
    assert.match(await refused("volume", "create", "-o", "foo=x", "odd"), /invalid option: "foo"/);
    assert.match(
      await refused("volume", "create", "-o", "type=tmpfs", "odd"),
      /missing required option: "device"/,
    );
    const hostile = ["-o", "type=tmpfs", "-o", "device=x", "-o", "o=remount,ro", "odd"];
    assert.match(await refused("volume", "create", ...hostile), /cannot change another/);
    assert.deepEqual(await mounted(), []);
    await docker("rm", "lost");
  });

  await context.test(
    "cp reads the volumes of a stopped container as it would see them",
    async () => {
      const folder = join(daemon.folder, "copied");
      await mkdir(folder);
      await writeFile(join(folder, "f"), "whole");
      await volume("copied", "none", folder, "bind");
      await shell("-v deep:/x", "mkdir /x/in; echo part > /x/in/f");
      const part = ["--mount", "type=volume,src=deep,dst=/part,volume-subpath=in"];
      await docker("run", "--name", "stopped", "-v", "copied:/whole", ...part, "busybox", "true");
      const target = join(daemon.folder, "taken");
      await docker("cp", "stopped:/whole/f", target);
      assert.equal(await readFile(target, "utf8"), "whole");
      await docker("cp", "stopped:/part/f", target);
      assert.equal(await readFile(target, "utf8"), "part\n");
      await docker("cp", target, "stopped:/whole/back");
      assert.equal(await readFile(join(folder, "back"), "utf8"), "part\n");
      assert.deepEqual(await mounted(), []);
      await docker("rm", "stopped");
    },
  );

  await context.test("cp fills a volume where the image has no folder for it", async () => {
    await docker("create", "--name", "never", "-v", "filled:/not/there", "busybox", "true");
    const source = join(daemon.folder, "source");
    await writeFile(source, "brought\n");
    await docker("cp", source, "never:/not/there/f");
    assert.equal(await shell("-v filled:/x", "cat /x/f"), "brought\n");
    const target = join(daemon.folder, "fetched");
    await docker("cp", "never:/not/there/f", target);
    assert.equal(await readFile(target, "utf8"), "brought\n");
    await docker("start", "never");
    await docker("rm", "-f", "never");
  });

  await context.test("a part of a volume is bound, and no link leads out of it", async () => {
    await shell("-v parts:/x", "mkdir -p /x/a/b; echo deep > /x/a/b/f; ln -s /etc /x/out");
    const part = (path: string): string =>
      `--mount type=volume,src=parts,dst=/y,volume-subpath=${path}`;
    assert.equal(await shell(part("a/b"), "cat /y/f"), "deep\n");
    assert.equal(await shell(part("a/b/f"), "cat /y"), "deep\n");
    const point = (await docker("volume", "inspect", "-f", "{{.Mountpoint}}", "parts")).trim();
    await symlink("a", join(point, "inside"));
    assert.equal(await shell(part("inside/b"), "cat /y/f"), "deep\n");
    const run = (path: string): Promise<string> =>
      refused("run", "--rm", ...part(path).split(" "), "busybox", "true");
    assert.match(await run("out"), /cannot access path out: it leads out of the volume/);
    assert.match(await run("missing"), /cannot access path missing: no such file or directory/);
    assert.match(await run("../parts"), /subpath must be a relative path within the volume/);
    await daemon.assertNothingOf("containers with parts of volumes");
  });
});
