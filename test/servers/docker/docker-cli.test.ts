import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { RunningServer } from "./running-server.ts";

/** Real clients, as many versions as the host has. */
const clients = ["/usr/local/bin/docker", "/usr/bin/docker"].filter((path) => existsSync(path));

test("the host has a docker client to test with", () => assert.ok(clients.length > 0));

for (const client of clients) {
  test(`${client}: run shows output, errors and exit codes`, async () => {
    await using server = await RunningServer.start();
    const run = (...args: string[]) => server.docker(client, ["run", "--rm", "busybox", ...args]);
    assert.deepEqual(await run("echo", "hello", "world"), {
      code: 0,
      stdout: "hello world\n",
      stderr: "",
    });
    assert.deepEqual(await run("warn", "oh"), { code: 0, stdout: "", stderr: "oh\n" });
    assert.equal((await run("exit", "7")).code, 7);
    assert.equal(server.engine.records.size, 0);
  });

  test(`${client}: run -i carries its input`, async () => {
    await using server = await RunningServer.start();
    const input = "line\n".repeat(50_000);
    const result = await server.docker(client, ["run", "--rm", "-i", "busybox", "cat"], input);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stdout, input);
  });

  test(`${client}: --isolation=vm asks for a virtual machine`, async () => {
    await using server = await RunningServer.start();
    const result = await server.docker(client, [
      "run",
      "-d",
      "--name",
      "web",
      "--isolation=vm",
      "-p",
      "127.0.0.1:8080:80",
      "-v",
      "data:/d:ro",
      "-m",
      "64m",
      "--cpus",
      "1.5",
      "--tmpfs",
      "/t:size=1m",
      "--mount",
      "type=bind,src=/tmp,dst=/m,readonly",
      "--init",
      "--restart",
      "on-failure:3",
      "--ulimit",
      "nofile=5:6",
      "--cap-drop",
      "ALL",
      "--read-only",
      "--label",
      "a=b",
      "--dns",
      "1.1.1.1",
      "--add-host",
      "h:1.2.3.4",
      "--network-alias",
      "w",
      "--network",
      "net",
      "busybox",
      "stay",
    ]);
    assert.equal(result.code, 0, result.stderr);
    const spec = server.engine.lastSpec!;
    assert.equal(spec.isolation, "vm");
    assert.deepEqual(
      spec.mounts.map((mount) => `${mount.kind}:${mount.target}:${mount.readonly}`),
      ["volume:/d:true", "bind:/m:true", "tmpfs:/t:false"],
    );
    assert.deepEqual(spec.network.ports, [
      {
        protocol: "tcp",
        containerPort: 80,
        hostAddress: "127.0.0.1",
        hostPort: 8080,
        hostPortEnd: 8080,
      },
    ]);
    assert.deepEqual(
      [spec.resources.memory, spec.resources.nanoCpus, spec.resources.pids],
      [64 << 20, 1.5e9, null],
    );
    assert.deepEqual(spec.network.endpoints["net"]?.aliases, ["w"]);
    assert.deepEqual(
      [spec.lifecycle.init, spec.readonlyRoot, spec.security.capDrop],
      [true, true, ["ALL"]],
    );
    const shown = await server.docker(client, [
      "inspect",
      "-f",
      "{{.HostConfig.Isolation}} {{.HostConfig.Binds}}",
      "web",
    ]);
    assert.equal(shown.stdout, "vm [data:/d:ro]\n");
  });

  test(`${client}: the failures that users see most read as Docker's`, async () => {
    await using server = await RunningServer.start();
    await server.docker(client, ["run", "-d", "--name", "web", "busybox", "stay"]);
    const said = async (...args: string[]) => (await server.docker(client, args)).stderr;
    assert.match(
      await said("run", "-d", "--name", "web", "busybox"),
      /Conflict\. The container name "\/web" is already in use by container "[0-9a-f]{64}"\. You have to remove \(or rename\)/,
    );
    assert.match(await said("rm", "nobody"), /No such container: nobody/);
    assert.match(await said("inspect", "nobody"), /No such object: nobody/i);
    assert.match(await said("run", "--isolation=hyperv", "busybox"), /'container' and 'vm'/);
    assert.match(await said("node", "ls"), /This node is not a swarm manager/);
    assert.match(await said("kill", "nobody"), /No such container: nobody/);
  });

  test(`${client}: exec carries streams and exit codes`, async () => {
    await using server = await RunningServer.start();
    await server.docker(client, ["run", "-d", "--name", "web", "busybox", "stay"]);
    assert.equal((await server.docker(client, ["exec", "web", "echo", "hi"])).stdout, "hi\n");
    assert.equal(
      (await server.docker(client, ["exec", "-i", "web", "cat"], "piped")).stdout,
      "piped",
    );
    assert.equal((await server.docker(client, ["exec", "web", "exit", "3"])).code, 3);
    const missing = await server.docker(client, ["exec", "web", "missing"]);
    assert.equal(missing.code, 127);
    assert.match(missing.stdout, /executable file not found/);
    assert.equal((await server.docker(client, ["exec", "-d", "web", "echo"])).code, 0);
  });

  test(`${client}: lists, logs, statistics and changes are shown`, async () => {
    await using server = await RunningServer.start();
    await server.docker(client, ["run", "-d", "--name", "web", "busybox", "stay"]);
    const out = async (...args: string[]) => (await server.docker(client, args)).stdout;
    assert.match(await out("ps"), /busybox\s+"stay"\s+.*Up .*web\n/);
    assert.equal(
      await out("ps", "-aq", "--no-trunc", "--filter", "name=^we", "-n", "1"),
      `${[...server.engine.records.keys()][0]}\n`,
    );
    const logs = await server.docker(client, ["logs", "-t", "web"]);
    assert.equal(logs.stdout, "2026-01-02T03:04:05.000000006Z one\n");
    assert.equal(logs.stderr, "2026-01-02T03:04:05.000000006Z two\n");
    assert.match(
      await out("stats", "--no-stream"),
      /web\s+\d+\.\d+%\s+49MiB \/ 100MiB\s+49\.00%\s+10B \/ 20B/,
    );
    assert.match(await out("top", "web"), /PID\s+CMD\s+1\s+sh/);
    assert.equal(await out("diff", "web"), "A /etc/new\nC /etc\n");
    assert.match(await out("images"), /busybox\s+latest\s+aaaaaaaaaaaa\s+.*1\.23MB/);
    assert.match(await out("history", "busybox"), /aaaaaaaaaaaa .* COPY/);
    assert.match(await out("network", "ls"), /bridge\s+bridge\s+local/);
    assert.match(await out("version"), /Server: Duet/);
    assert.match(await out("info"), /Runtimes: (runc vm|vm runc)/);
    assert.match(await out("pull", "busybox"), /cccccccccccc: Pull complete\n/);
  });

  test(`${client}: images come and go as streams`, async () => {
    await using server = await RunningServer.start();
    assert.equal((await server.docker(client, ["save", "busybox"])).stdout, "tar-bytes");
    const loaded = await server.docker(client, ["load"], "x".repeat(300_000));
    assert.equal(loaded.stdout, "Loaded image: 300000 bytes\n");
    assert.equal((await server.docker(client, ["tag", "busybox", "other:1"])).code, 0);
  });
}
