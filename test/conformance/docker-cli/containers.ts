import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { printed } from "../../attacks/hostile-image.ts";
import { described, session, type Way } from "./way.ts";

interface Told {
  readonly Config: Record<string, unknown> & { readonly Env: readonly string[] };
  readonly HostConfig: Record<string, unknown>;
}

/** A container's life: what create was given, states, signals, limits, lists. */
export function testContainers(way: Way): void {
  const title = described(way);

  test(`${title}: inspect gives back what create was given`, async () => {
    const { client, isolated } = await session(way);
    const name = `given-${way.age}-${way.isolation}`;
    const file = join(client.daemon.folder, `${name}.env`);
    const idFile = join(client.daemon.folder, `${name}.id`);
    await writeFile(file, "FROM_FILE=1\n# a comment\nSPACED=a b\n");
    const words = ["--name", name, "--hostname", "told", "--domainname", "example.org"];
    words.push("--env-file", file, "-e", "ALSO=2", "--label", "shade=dark", "-w", "/tmp");
    words.push("--user", "33", "--stop-signal", "SIGINT", "--stop-timeout", "3");
    words.push("--memory", "64m", "--cpus", "0.5", "--restart", "on-failure:2");
    words.push("--entrypoint", "/bin/sleep", "--expose", "9000", "--cidfile", idFile);
    words.push("--log-opt", "max-size=1m", "--add-host", "there:10.1.2.3");
    const id = (await client.docker("create", ...words, ...isolated, "busybox", "1000")).trim();
    assert.equal(await readFile(idFile, "utf8"), id);
    const [told] = JSON.parse(await client.docker("inspect", name)) as Told[];
    assert.ok(told !== undefined);
    const { Config, HostConfig } = told;
    assert.equal(Config["Hostname"], "told");
    assert.equal(Config["Domainname"], "example.org");
    assert.deepEqual(Config.Env.slice(0, 3), ["FROM_FILE=1", "SPACED=a b", "ALSO=2"]);
    assert.deepEqual(Config["Labels"], { shade: "dark" });
    assert.equal(Config["User"], "33");
    assert.equal(Config["StopSignal"], "SIGINT");
    assert.equal(Config["StopTimeout"], 3);
    assert.deepEqual(Config["Entrypoint"], ["/bin/sleep"]);
    assert.deepEqual(Config["ExposedPorts"], { "9000/tcp": {} });
    assert.equal(HostConfig["Memory"], 64 << 20);
    assert.equal(HostConfig["NanoCpus"], 500_000_000);
    assert.deepEqual(HostConfig["RestartPolicy"], { Name: "on-failure", MaximumRetryCount: 2 });
    assert.deepEqual(HostConfig["ExtraHosts"], ["there:10.1.2.3"]);
    assert.equal(HostConfig["Isolation"], way.isolation === "vm" ? "vm" : "");
    await client.docker("rm", name);
  });

  test(`${title}: a container goes through all its states`, async () => {
    const { client, isolated } = await session(way);
    const name = `life-${way.age}-${way.isolation}`;
    const state = async (): Promise<string> =>
      (await client.docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name)).trim();
    const traps = "trap 'exit 4' TERM; trap 'echo hup' HUP; echo ready";
    const script = `${traps}; while :; do sleep 0.1; done`;
    const command = ["busybox", "sh", "-c", script];
    await client.docker("create", "--name", name, ...isolated, ...command);
    assert.equal(await state(), "created 0");
    await client.docker("start", name);
    assert.equal(await state(), "running 0");
    await printed(client.daemon, name, "ready");
    await client.docker("pause", name);
    assert.equal(await state(), "paused 0");
    const refused = await client.attempt(["exec", name, "true"]);
    assert.match(refused.stderr, /is paused/);
    await client.docker("unpause", name);
    await client.docker("kill", "-s", "HUP", name);
    await client.docker("stop", name);
    assert.equal(await state(), "exited 4");
    assert.match(await client.docker("logs", name), /hup\n/);
    await client.docker("restart", name);
    await client.docker("rename", name, `${name}-renamed`);
    assert.equal((await client.attempt(["inspect", name])).code, 1);
    await client.docker("kill", `${name}-renamed`);
    assert.equal(await client.docker("wait", `${name}-renamed`), "137\n");
    await client.docker("rm", `${name}-renamed`);
  });

  test(`${title}: ps shows and filters by state, label, name, ancestor and exit code`, async () => {
    const { client, isolated } = await session(way);
    const label = `of=${way.age}-${way.isolation}`;
    const name = `ps-${way.age}-${way.isolation}`;
    await client.docker(
      "run",
      "-d",
      "--name",
      `${name}-up`,
      "--label",
      label,
      ...isolated,
      "busybox",
      "sleep",
      "1000",
    );
    const failed = [
      "run",
      "--name",
      `${name}-down`,
      "--label",
      label,
      ...isolated,
      "busybox",
      "false",
    ];
    assert.equal((await client.attempt(failed)).code, 1);
    const list = async (...words: string[]): Promise<string[]> => {
      const shown = await client.docker(
        "ps",
        ...words,
        "--filter",
        `label=${label}`,
        "--format",
        "{{.Names}}",
      );
      return shown.split("\n").filter(Boolean).toSorted();
    };
    const [down, up] = [`${name}-down`, `${name}-up`];
    assert.deepEqual(await list(), [up]);
    assert.deepEqual(await list("-a"), [down, up]);
    assert.deepEqual(await list("--filter", "status=exited"), [down]);
    assert.deepEqual(await list("-a", "--filter", "exited=1"), [down]);
    assert.deepEqual(await list("-a", "--filter", `name=${up}`), [up]);
    assert.deepEqual(await list("-a", "--filter", "ancestor=busybox"), [down, up]);
    assert.deepEqual(await list("-a", "--filter", `before=${down}`), [up]);
    assert.deepEqual(await list("-n", "1"), [down]);
    const shown = await client.docker(
      "ps",
      "-a",
      "--no-trunc",
      "--size",
      "--filter",
      `name=${down}`,
    );
    assert.match(shown, /"?false"?\s.*Exited \(1\).*\d\w*B \(virtual/);
    assert.match(
      await client.docker("container", "prune", "-f", "--filter", `label=${label}`),
      /Deleted Containers:\n[0-9a-f]{64}\n/,
    );
    await client.docker("rm", "-f", up);
  });

  test(`${title}: stats, top, update and port look into a running container`, async () => {
    const { client, isolated } = await session(way);
    const name = `look-${way.age}-${way.isolation}`;
    const words = ["--name", name, "--memory", "128m", "-p", "127.0.0.1::80", ...isolated];
    await client.docker("run", "-d", ...words, "nginx");
    const stats = await client.docker("stats", "--no-stream", "--format", "{{json .}}", name);
    const figures = JSON.parse(stats) as Record<string, string>;
    assert.equal(figures["Name"], name);
    assert.match(figures["MemUsage"] ?? "", /^[\d.]+\w?i?B \/ \d+MiB$/);
    assert.match(figures["PIDs"] ?? "", /^[1-9]\d*$/);
    const [, port = ""] =
      /^127\.0\.0\.1:(\d+)\n$/.exec(await client.docker("port", name, "80/tcp")) ?? [];
    const page = await client.daemon.page(`http://127.0.0.1:${port}/`);
    assert.match(page, /Welcome to nginx!/);
    const shown = await client.docker("top", name);
    assert.match(shown, /^UID\s+PID\s+PPID/);
    assert.match(shown, /nginx: master process/);
    await client.docker(
      "update",
      "--memory",
      "96m",
      "--memory-swap",
      "96m",
      "--restart",
      "no",
      name,
    );
    const memory = await client.docker("inspect", "-f", "{{.HostConfig.Memory}}", name);
    assert.equal(memory, `${96 << 20}\n`);
    await client.docker("rm", "-f", name);
  });

  test(`${title}: a health check turns a container healthy, and then unhealthy`, async () => {
    const { client, isolated } = await session(way);
    const name = `health-${way.age}-${way.isolation}`;
    const words = ["--name", name, "--health-cmd", "test -e /ok", "--health-interval", "1s"];
    words.push("--health-retries", "1", "--health-timeout", "20s", ...isolated);
    await client.docker("run", "-d", ...words, "busybox", "sh", "-c", "touch /ok; sleep 1000");
    const became = async (health: string): Promise<void> => {
      await client.daemon.eventually(async () => {
        const format = "{{.State.Health.Status}}";
        return (await client.docker("inspect", "-f", format, name)).trim() === health;
      });
    };
    await became("healthy");
    assert.match(await client.docker("ps", "--filter", "health=healthy"), new RegExp(name));
    await client.docker("exec", name, "rm", "/ok");
    await became("unhealthy");
    assert.match(await client.docker("ps", "--filter", `name=${name}`), /\(unhealthy\)/);
    await client.docker("rm", "-f", name);
  });

  test(`${title}: a restart policy starts a failed container again, as often as told`, async () => {
    const { client, isolated } = await session(way);
    const name = `restart-${way.age}-${way.isolation}`;
    const words = ["--name", name, "--restart", "on-failure:2", ...isolated];
    await client.docker("run", "-d", ...words, "busybox", "sh", "-c", "echo once; exit 6");
    await client.daemon.eventually(async () => {
      const format = "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}";
      return (await client.docker("inspect", "-f", format, name)).trim() === "2 exited 6";
    });
    assert.equal(await client.docker("logs", name), "once\nonce\nonce\n");
    await client.docker("rm", name);
  });
}
