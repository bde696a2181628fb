import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readAbilities } from "../../src/drivers/runtime-oci/abilities.ts";
import { readCgroupHost } from "../../src/drivers/runtime-oci/cgroup.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

test("what a container asks of its host is given as Docker gives it", async (context) => {
  const daemon = await TestDaemon.start(context, {
    flags: [...containersOnly, "--default-ulimit", "core=7:9"],
  });
  await loadImages(daemon, "busybox");
  const docker = daemon.docker.bind(daemon);
  const run = (...args: string[]): Promise<string> => docker("run", "--rm", ...args);
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await daemon.tryDocker(args);
    assert.notEqual(code, 0, args.join(" "));
    return stderr;
  };
  const sh = ["busybox", "sh", "-c"] as const;

  await context.test(
    "a linked container is known by names and variables, while it runs",
    async () => {
      const web = ["--name", "web", "--hostname", "wh", "--expose", "80", "-e", "FOO=bar"];
      await docker("run", "-d", ...web, "busybox", "sleep", "1000");
      await docker("create", "--name", "cli", "--link", "web:db", "busybox", "sleep", "1000");
      assert.match(
        await docker("inspect", "-f", "{{.HostConfig.Links}}", "cli"),
        /\/web:\/cli\/db/,
      );
      await docker("stop", "-t", "0", "web");
      assert.match(
        await refused("start", "cli"),
        /Cannot link to a non running container: \/web AS \/cli\/db/,
      );
      await docker("start", "web", "cli");
      const variables = await docker("exec", "cli", "env");
      assert.match(variables, /^DB_NAME=\/cli\/db$/m);
      assert.match(variables, /^DB_ENV_FOO=bar$/m);
      assert.match(variables, /^DB_PORT_80_TCP=tcp:\/\/[0-9.]+:80$/m);
      await docker("stop", "-t", "0", "web");
      await docker("run", "-d", "--name", "between", "busybox", "sleep", "1000");
      await docker("start", "web");
      const address = await docker("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web");
      assert.equal(
        await docker("exec", "cli", "grep", "db wh web", "/etc/hosts"),
        `${address.trim()}\tdb wh web\n`,
      );
      await docker("exec", "cli", "ping", "-c", "1", "db");
      assert.match(await refused("create", "--link", "no:x", "busybox"), /could not get container/);
      await docker("rm", "-f", "cli", "web", "between");
    },
  );

  await context.test(
    "limits over what this host can raise are lessened and warned of",
    async () => {
      const status = await daemon.onHost("sh", "-c", "cat /proc/self/status");
      const bounding = BigInt(`0x${/CapEff:\s+(\w+)/.exec(status.stdout.toString())?.[1]}`);
      const host = readAbilities(readCgroupHost(), bounding);
      const most = host.ceilings["nofile"] ?? 0;
      const asked = ["--ulimit", `nofile=${most + 1}:${most + 1}`, "--oom-score-adj", "-1000"];
      const { stderr } = await daemon.tryDocker([
        "create",
        "--name",
        "limited",
        ...asked,
        ...sh,
        "exit",
      ]);
      assert.match(stderr, new RegExp(`hard limit of nofile over ${most}`));
      await docker("rm", "limited");
      const seen = await run(...asked, ...sh, "ulimit -Hn; cat /proc/self/oom_score_adj");
      assert.equal(seen, `${most}\n${host.lowestOomScore}\n`);
      assert.equal(await run("--ulimit", "core=0:0", ...sh, "ulimit -Hc"), "0\n");
      assert.match(await run("busybox", "cat", "/proc/self/limits"), /core file size +7 +9 /);
    },
  );

  await context.test("what others join or link to is started first with the daemon", async () => {
    const always = ["--restart", "always"];
    const names = ["late", "later", "web"];
    await docker("run", "-d", "--name", "web", ...always, "busybox", "sleep", "1000");
    const late = ["--name", "late", "--link", "web:db", "--pid", "container:web"];
    await docker("run", "-d", ...late, ...always, "busybox", "sleep", "1000");
    const later = ["--name", "later", "--network", "container:late"];
    await docker("run", "-d", ...later, ...always, "busybox", "sleep", "1000");
    await docker("stop", "-t", "0", ...names);
    await daemon.end("SIGTERM");
    await daemon.launch();
    await daemon.eventually(async () => {
      const shown = await docker("ps", "--filter", "status=running", "--format", "{{.Names}}");
      return names.every((name) => shown.includes(name));
    });
    assert.equal((await daemon.log()).includes("not-started"), false);
    await docker("rm", "-f", ...names);
  });

  await context.test("rates of a block device reach its cgroup", async (part) => {
    const name = (await readdir("/sys/block")).find((each) => existsSync(`/dev/${each}`));
    const { version, controllers } = readCgroupHost();
    if (name === undefined || (version === 1 && controllers["blkio"] === undefined)) {
      part.skip("this host has no block device, or no controller for them");
      return;
    }
    const file = version === 1 ? "blkio/blkio.throttle.read_bps_device" : "io.max";
    const rate = ["--device-read-bps", `/dev/${name}:1mb`];
    assert.match(await run(...rate, "busybox", "cat", `/sys/fs/cgroup/${file}`), /1048576/);
    assert.match(
      await refused("run", "--rm", "--device-read-bps", "/dev/nope:1mb", "busybox"),
      /stat \/dev\/nope: no such file or directory/,
    );
  });

  await context.test("a driver that is not there fails the start, not the create", async () => {
    await docker("create", "--name", "graphics", "--gpus", "all", "busybox", "true");
    assert.match(
      await refused("start", "graphics"),
      /could not select device driver "" with capabilities: \[\[gpu\]\]/,
    );
    await docker("rm", "graphics");
  });

  await context.test("volumes of another container, read-only where asked", async () => {
    await docker("create", "--name", "source", "-v", "/data", "-v", "named:/named", "busybox");
    await run("--volumes-from", "source", ...sh, "echo one > /data/f; echo two > /named/f");
    const both = ["--volumes-from", "source:ro", "-v", "/named"];
    assert.equal(
      await run(...both, ...sh, "cat /data/f; ls /named; touch /data/x || echo refused"),
      "one\nrefused\n",
    );
    assert.match(
      await refused("create", "--volumes-from", "source:odd", "busybox"),
      /invalid mode: odd/,
    );
    await docker("rm", "-v", "source");
    await docker("volume", "rm", "named");
  });

  await context.test(
    "what is mounted below a read-only mount is read-only, unless asked",
    async () => {
      const outer = join(daemon.folder, "outer");
      await mkdir(join(outer, "inner"), { recursive: true });
      await daemon.onHost("mount", "-t", "tmpfs", "tmpfs", join(outer, "inner"));
      try {
        const bind = `type=bind,src=${outer},dst=/x,readonly`;
        const script = "touch /x/inner/f 2>/dev/null && echo written || echo refused";
        assert.equal(await run("-v", `${outer}:/x:ro`, ...sh, script), "refused\n");
        assert.equal(await run("--mount", bind, ...sh, script), "refused\n");
        const request = (options: object): string =>
          JSON.stringify({
            ...{ Image: "busybox", Cmd: ["sh", "-c", script] },
            HostConfig: {
              Mounts: [
                { Type: "bind", Source: outer, Target: "/x", ReadOnly: true, BindOptions: options },
              ],
            },
          });
        const made = await daemon.onHost(
          ...([
            "curl",
            "-s",
            "--unix-socket",
            daemon.socket,
            "-H",
            "Content-Type: application/json",
          ] as const),
          ...["-d", request({ ReadOnlyNonRecursive: true }), "http://d/v1.49/containers/create"],
        );
        const { Id } = JSON.parse(made.stdout.toString()) as { Id: string };
        assert.equal(await docker("start", "-a", Id), "written\n");
      } finally {
        await daemon.onHost("umount", join(outer, "inner"));
      }
    },
  );

  await context.test("a missing folder is made for -v, and refused for --mount", async () => {
    const missing = join(daemon.folder, "missing");
    assert.match(
      await refused("run", "--rm", "--mount", `type=bind,src=${missing},dst=/x`, "busybox"),
      /bind source path does not exist/,
    );
    assert.equal(await run("-v", `${missing}:/x`, "busybox", "ls", "/x"), "");
    assert.equal(existsSync(missing), true);
    await writeFile(join(missing, "f"), "");
    assert.equal(await run("-v", `${missing}:/x:z,ro`, "busybox", "ls", "/x"), "f\n");
  });
});
