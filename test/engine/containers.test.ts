import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

const sleeper = ["busybox", "sleep", "1000"] as const;

/** Type and action of each event of one container and its networks since `since`, seconds. */
async function eventsSince(daemon: TestDaemon, since: number): Promise<string[]> {
  const text = await daemon.docker(
    ...["events", "--since", since.toFixed(3), "--until", (Date.now() / 1_000).toFixed(3)],
    ...["--format", "{{.Type}} {{.Action}}"],
  );
  return text.trim().split("\n");
}

test("containers behave as Docker's", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const run = (...args: string[]): Promise<string> => daemon.docker("run", "-d", ...args);

  await context.test("a client that reads late gets output to its last byte", async () => {
    const { stdout } = await daemon.onHost(
      ...(["sh", "-c"] as const),
      `docker -H unix://${daemon.socket} run --rm busybox head -c 640000 /dev/zero | (sleep 4; wc -c)`,
    );
    assert.equal(stdout.toString().trim(), "640000");
  });

  await context.test(
    "a wait that comes when --rm has removed the container gets its exit code",
    async () => {
      const id = (await run("--rm", "busybox", "sh", "-c", "sleep 0.2; exit 7")).trim();
      await daemon.request("POST", `/containers/${id}/wait?condition=removed`).body;
      const late = await daemon.request("POST", `/containers/${id}/wait`).body;
      assert.deepEqual(JSON.parse(late), { StatusCode: 7 });
      const { head } = daemon.request("GET", `/containers/${id}/json`);
      assert.equal((await head).statusCode, 404);
    },
  );

  await context.test("two hundred thousand lines arrive whole, attached and logged", async () => {
    const out = await daemon.docker("run", "--name", "lines", "busybox", "seq", "1", "200000");
    assert.equal(out.split("\n").length, 200_001);
    assert.equal(await daemon.docker("logs", "lines"), out);
    assert.equal(await daemon.docker("logs", "--tail", "1", "lines"), "200000\n");
    await daemon.docker("rm", "lines");
  });

  await context.test("events come in Docker's order", async () => {
    const since = Date.now() / 1_000;
    await daemon.docker("run", "--rm", "busybox", "true");
    assert.deepEqual(await eventsSince(daemon, since), [
      "container create",
      "container attach",
      "network connect",
      "container start",
      "network disconnect",
      "container die",
      "container destroy",
    ]);
    await run("--name", "seen", ...sleeper);
    const stopping = Date.now() / 1_000;
    await daemon.docker("stop", "-t", "0", "seen");
    assert.deepEqual(await eventsSince(daemon, stopping), [
      "container kill",
      "container kill",
      "network disconnect",
      "container stop",
      "container die",
    ]);
    await daemon.docker("rm", "seen");
  });

  await context.test(
    "a container whose start failed counts as created, and keeps why",
    async () => {
      const failed = await daemon.tryDocker(["run", "--name", "bad", "busybox", "no-such"]);
      assert.equal(failed.code, 127);
      const state = await daemon.docker(
        ...["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}", "bad"],
      );
      assert.match(state, /^created 127 .*no-such/);
      assert.equal(await daemon.docker("ps", "-a", "--format", "{{.Status}}"), "Created\n");
      await daemon.docker("rm", "bad");
      const gone = await daemon.tryDocker(["run", "--rm", "busybox", "no-such"]);
      assert.equal(gone.code, 127);
      assert.equal(await daemon.docker("ps", "-aq"), "");
    },
  );

  await context.test("a wait ends when the container that never ran is removed", async () => {
    await daemon.docker("create", "--name", "idle", ...sleeper);
    const waiting = daemon.request("POST", "/containers/idle/wait?condition=next-exit");
    await waiting.head;
    await daemon.docker("rm", "idle");
    assert.match(await waiting.body, /"StatusCode":0/);
  });

  await context.test(
    "a stop ends the restarts of a container between two runs, and waits",
    async () => {
      await run("--name", "again", "--restart", "always", "busybox", "sh", "-c", "exit 3");
      await daemon.eventually(async () => {
        const state = await daemon.docker("inspect", "-f", "{{.RestartCount}}", "again");
        return Number(state) >= 3;
      });
      const waiting = daemon.docker("wait", "again");
      await daemon.docker("stop", "again");
      assert.equal(await waiting, "3\n");
      assert.match(await daemon.docker("ps", "-a", "--format", "{{.Status}}"), /^Exited \(3\)/);
      await daemon.docker("rm", "again");
    },
  );

  await context.test("a start by hand lets the restarts of on-failure begin anew", async () => {
    const script = "echo run; exit 1";
    await run("--name", "tries", "--restart", "on-failure:1", "busybox", "sh", "-c", script);
    const runs = async (count: number): Promise<boolean> =>
      (await daemon.docker("logs", "tries")) === "run\n".repeat(count) &&
      (await daemon.docker("ps", "-q")) === "";
    await daemon.eventually(() => runs(2));
    await daemon.docker("start", "tries");
    await daemon.eventually(() => runs(4));
    await daemon.docker("rm", "tries");
  });

  await context.test("a forced removal during a start removes", async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await daemon.docker("create", "--name", "busy", ...sleeper);
      const starting = daemon.request("POST", "/containers/busy/start").body;
      await daemon.docker("rm", "-f", "busy");
      await starting;
      assert.equal(await daemon.docker("ps", "-aq"), "");
    }
  });

  await context.test("hosts, names and folders of a run are as Docker makes them", async () => {
    const own = await daemon.docker("run", "--rm", "--network", "host", "busybox", "hostname");
    assert.equal(own.trim(), hostname());
    const made = await daemon.docker("run", "--rm", "-w", "/made/here", "busybox", "pwd");
    assert.equal(made, "/made/here\n");
    const reset = await daemon.docker(
      ...["run", "--rm", "--entrypoint", "", "busybox", "echo", "plain"],
    );
    assert.equal(reset, "plain\n");
  });

  await context.test("fifty containers started at once all run", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    const codes = await Promise.all(
      names.map(async (name) =>
        (
          await daemon.tryDocker(["run", "--rm", "--name", name, "busybox", "echo", name])
        ).stdout.toString(),
      ),
    );
    assert.deepEqual(
      codes,
      names.map((name) => `${name}\n`),
    );
    assert.equal(await daemon.docker("ps", "-aq"), "");
  });

  await context.test("forty execs at once keep their outputs and exit codes apart", async () => {
    await run("--name", "host", ...sleeper);
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        daemon.tryDocker(["exec", "host", "sh", "-c", `echo ${index}; exit ${index}`]),
      ),
    );
    for (const [index, result] of results.entries()) {
      assert.equal(result.stdout.toString(), `${index}\n`);
      assert.equal(result.code, index);
    }
    await daemon.docker("rm", "-f", "host");
  });

  await daemon.assertNothingOf("all of these");
});
