import assert from "node:assert/strict";
import { test } from "node:test";
import { follow } from "../conformance/follow.ts";
import { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import { attachWebSocket } from "../e2e/websocket-client.ts";

interface Sample {
  cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage: number };
  precpu_stats: { cpu_usage: { total_usage: number } };
  memory_stats: { usage: number; limit: number };
  pids_stats: { current: number };
  networks: Record<string, { tx_bytes: number }>;
}

const seconds = (): string => (Date.now() / 1_000).toFixed(3);

test("the life of a container, in both isolations", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox");
  const inspect = async (name: string, format: string): Promise<string> =>
    (await daemon.docker("inspect", "-f", format, name)).trim();
  const eventsSince = async (since: string, ...filters: string[]): Promise<string[]> => {
    const flags = filters.flatMap((filter) => ["--filter", filter]);
    const bounds = ["--since", since, "--until", seconds()];
    const text = await daemon.docker("events", ...bounds, ...flags, "--format", "{{.Action}}");
    return text.split("\n").filter(Boolean);
  };

  for (const isolation of ["container", "vm"]) {
    const run = (...args: string[]): Promise<string> =>
      daemon.docker("run", "--isolation", isolation, ...args);
    const name = `life-${isolation}`;

    await context.test(`a ${isolation} that fails is run again as often as it may`, async () => {
      const since = seconds();
      await run("-d", "--name", name, "--restart", "on-failure:2", "busybox", "sh", "-c", "exit 7");
      await daemon.eventually(
        async () => (await inspect(name, "{{.State.Status}} {{.RestartCount}}")) === "exited 2",
      );
      assert.equal(await inspect(name, "{{.State.ExitCode}}"), "7");
      const deaths = ["die", "die", "die"];
      assert.deepEqual(await eventsSince(since, `container=${name}`, "event=die"), deaths);
      await daemon.docker("rm", name);
    });

    await context.test(`execs end with their ${isolation}, by 137`, async () => {
      await run("-d", "--name", name, "busybox", "sleep", "1000");
      const client = ["docker", "--host", `unix://${daemon.socket}`] as const;
      const exec = follow([...client, "exec", name, "sh", "-c", "echo up; exec sleep 1000"], {});
      await exec.said("up\n");
      assert.equal(await inspect(name, "{{len .ExecIDs}}"), "1");
      const unknown = await daemon.tryDocker(["exec", "-u", "nobody-here", name, "true"]);
      assert.match(unknown.stderr, /unable to find user nobody-here: no matching entries/);
      await daemon.docker("kill", name);
      assert.equal((await exec.ended).code, 137);
      assert.equal(await inspect(name, "{{.ExecIDs}}"), "[]");
      await daemon.docker("rm", name);
    });

    await context.test(`what a ${isolation} uses is told once, twice and as a stream`, async () => {
      await run("-dt", "--name", name, "busybox", "sleep", "1000");
      const sample = async (query: string): Promise<Sample> => {
        const { body } = daemon.request("GET", `/containers/${name}/stats?${query}`);
        return JSON.parse(await body) as Sample;
      };
      const once = await sample("stream=0&one-shot=1");
      assert.ok(once.cpu_stats.cpu_usage.total_usage > 0);
      assert.equal(once.precpu_stats.cpu_usage.total_usage, 0);
      assert.ok(once.memory_stats.usage > 0 && once.memory_stats.limit > once.memory_stats.usage);
      assert.ok(once.pids_stats.current >= 1);
      assert.deepEqual(Object.keys(once.networks), ["eth0"]);
      assert.ok((await sample("stream=0")).precpu_stats.cpu_usage.total_usage > 0);
      const stream = daemon.request("GET", `/containers/${name}/stats`);
      await stream.head;
      const table = await daemon.docker("stats", "--no-stream", "--format", "{{.MemPerc}}", name);
      assert.match(table, /^[\d.]+%\n$/);
      const top = await daemon.docker("top", name, "-o", "pid,comm");
      assert.match(top, /sleep/);
      await daemon.docker("rm", "-f", name);
      assert.match(await stream.body, /\}\n$/);
    });

    await context.test(`a WebSocket reaches a ${isolation}`, async () => {
      await run("-di", "--name", name, "busybox", "cat");
      const query = "stream=1&stdin=1&stdout=1";
      const socket = await attachWebSocket(daemon.socket, `/containers/${name}/attach/ws?${query}`);
      socket.send("by a web page\n");
      assert.equal(await socket.read(14), "by a web page\n");
      await daemon.docker("kill", name);
      await socket.closed;
      assert.equal(await daemon.docker("logs", name), "by a web page\n");
      await daemon.docker("rm", name);
    });

    await context.test(
      `unless a ${isolation} was stopped it runs under the next daemon`,
      async () => {
        const policy = ["-d", "--restart", "unless-stopped"];
        await run(...policy, "--name", name, "busybox", "sleep", "1000");
        await run(...policy, "--name", `${name}-off`, "busybox", "sleep", "1000");
        await daemon.docker("stop", "-t", "0", `${name}-off`);
        const pid = await inspect(name, "{{.State.Pid}}");
        await daemon.end("SIGKILL");
        process.kill(Number(pid), "SIGKILL");
        await daemon.launch();
        await daemon.eventually(
          async () => (await inspect(name, "{{.State.Status}} {{.RestartCount}}")) === "running 1",
        );
        assert.equal(await inspect(`${name}-off`, "{{.State.Status}}"), "exited");
        await daemon.docker("rm", "-f", name, `${name}-off`);
      },
    );
  }

  await context.test("logs tell the attributes that they were asked to keep", async () => {
    await daemon.docker(
      ...["run", "--name", "kept", "--label", "com.a=1", "--label", "other=2", "-e", "A=x y"],
      ...["--log-opt", "labels=com.a", "--log-opt", "env-regex=^A$", "--log-opt", "tag={{.Name}}"],
      ...["busybox", "echo", "line"],
    );
    const details = await daemon.docker("logs", "--details", "kept");
    assert.equal(details, "A=x+y,com.a=1,tag=kept line\n");
    await daemon.docker("rm", "kept");
    await daemon.docker("create", "--name", "kept", "--log-opt", "max-size=much", "busybox");
    const failed = await daemon.tryDocker(["start", "kept"]);
    assert.match(failed.stderr, /failed to initialize logging driver: invalid size: 'much'/);
    await daemon.docker("rm", "kept");
    const unknown = await daemon.tryDocker(["create", "--log-opt", "size=1k", "busybox"]);
    assert.match(unknown.stderr, /unknown log opt 'size' for json-file log driver/);
    await daemon.docker("run", "--name", "kept", "--log-driver", "none", "busybox", "echo", "x");
    for (const flags of [[], ["-f"]]) {
      const silent = await daemon.tryDocker(["logs", ...flags, "kept"]);
      assert.match(silent.stderr, /configured logging driver does not support reading/);
    }
    await daemon.docker("rm", "kept");
  });

  await context.test(
    "volumes are told of around a run, and a failed start has no end",
    async () => {
      const since = seconds();
      await daemon.docker("run", "--rm", "-v", "told:/v", "busybox", "true");
      await daemon.tryDocker(["run", "--rm", "--network", "none", "busybox", "no-such-program"]);
      await daemon.docker("volume", "prune", "-af");
      assert.deepEqual(await eventsSince(since), [
        ...["create", "create", "attach", "mount", "connect", "start"],
        ...["disconnect", "unmount", "die", "destroy"],
        ...["create", "attach", "disconnect", "destroy"],
        ...["destroy", "prune"],
      ]);
      assert.deepEqual(await eventsSince(since, "type=volume", "volume=told", "event=mount"), [
        "mount",
      ]);
    },
  );

  await context.test("updates that contradict what is set are refused", async () => {
    await daemon.docker("run", "-d", "--rm", "--name", "set", "busybox", "sleep", "1000");
    const refused = async (...flags: string[]): Promise<string> =>
      (await daemon.tryDocker(["update", ...flags, "set"])).stderr;
    assert.match(await refused("--memory", "64m"), /update the memoryswap at the same time/);
    assert.match(await refused("--restart", "always"), /AutoRemove is enabled for the container/);
    assert.match(await refused("--memory", "1m"), /Minimum memory limit allowed is 6MB/);
    await daemon.docker("update", "--memory", "64m", "--memory-swap", "128m", "set");
    await daemon.docker("update", "--memory", "100m", "--cpu-period", "100000", "set");
    assert.match(await refused("--cpus", "1"), /Nano CPUs cannot be updated as CPU Period/);
    const limits = await inspect("set", "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}");
    assert.equal(limits, `${100 << 20} ${128 << 20}`);
    await daemon.docker("rm", "-f", "set");
  });

  await context.test(
    "a container that restarts and never runs long enough waits longer",
    async () => {
      await daemon.docker(
        "run",
        "-d",
        "--name",
        "again",
        "--restart",
        "always",
        "busybox",
        "false",
      );
      await daemon.eventually(async () => Number(await inspect("again", "{{.RestartCount}}")) >= 3);
      const exec = await daemon.tryDocker(["exec", "again", "true"]);
      assert.match(
        exec.stderr,
        /is restarting, wait until the container is running|is not running/,
      );
      const usage = daemon.request("GET", "/containers/again/stats?stream=0");
      assert.equal((await usage.head).statusCode, 200);
      await usage.body;
      const removal = await daemon.tryDocker(["rm", "again"]);
      assert.match(removal.stderr, /container is (restarting|running): stop the container before/);
      await daemon.docker("update", "--restart", "no", "again");
      await daemon.docker("stop", "again");
      await daemon.docker("rm", "again");
    },
  );
});
