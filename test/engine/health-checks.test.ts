import assert from "node:assert/strict";
import { test } from "node:test";
import { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

test("health checks", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox");
  const inspect = async (name: string, format: string): Promise<string> =>
    (await daemon.docker("inspect", "-f", format, name)).trim();
  const becomes = (name: string, status: string): Promise<void> =>
    daemon.eventually(async () => (await inspect(name, "{{.State.Health.Status}}")) === status);

  for (const isolation of ["container", "vm"]) {
    const name = `checked-${isolation}`;
    const start = (...flags: string[]): Promise<string> =>
      daemon.docker(
        ...["run", "-d", "--isolation", isolation, "--name", name, "--health-interval", "300ms"],
        ...[...flags, "busybox", "sleep", "1000"],
      );

    await context.test(
      `a ${isolation} is what its check says, also for a later daemon`,
      async () => {
        const since = (Date.now() / 1_000).toFixed(3);
        const check = "until [ -e /go ]; do sleep 0.1; done; echo looked; test ! -e /sick";
        await start("--health-cmd", check, "--health-retries", "1", "--health-timeout", "10m");
        assert.equal(await inspect(name, "{{.State.Health.Status}}"), "starting");
        await daemon.docker("exec", name, "touch", "/go");
        await becomes(name, "healthy");
        assert.match(await daemon.docker("ps", "--format", "{{.Status}}"), /^Up .* \(healthy\)/);
        assert.equal(await daemon.docker("ps", "-q", "--filter", "health=unhealthy"), "");
        await daemon.docker("exec", name, "touch", "/sick");
        await becomes(name, "unhealthy");
        await daemon.end("SIGKILL");
        await daemon.launch();
        assert.equal(await inspect(name, "{{.State.Health.Status}}"), "unhealthy");
        await daemon.docker("exec", name, "rm", "/sick");
        await becomes(name, "healthy");
        const last = "{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}";
        assert.match(await inspect(name, last), /^\d looked$/);
        const events = await daemon.docker(
          ...["events", "--since", since, "--until", (Date.now() / 1_000).toFixed(3)],
          ...["--filter", "event=health_status", "--format", "{{.Action}}"],
        );
        assert.equal(events, "health_status: healthy\n");
        await daemon.docker("rm", "-f", name);
      },
    );

    await context.test(`a check in a ${isolation} that takes too long is killed`, async () => {
      await start(
        ...["--health-cmd", "echo begun; exec sleep 77", "--health-timeout", "2s"],
        ...["--health-retries", "1"],
      );
      await becomes(name, "unhealthy");
      const log = "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}";
      const told = async (): Promise<boolean> =>
        /^-1 Health check exceeded timeout \(2s\): begun$/m.test(await inspect(name, log));
      /* A busy host may not even begin the first one in time. */
      const late = AbortSignal.timeout(120_000);
      while (!(await told())) late.throwIfAborted();
      await daemon.docker("pause", name);
      await daemon.docker("unpause", name);
      await daemon.docker("stop", "-t", "0", name);
      assert.equal(await inspect(name, "{{.State.Health.Status}}"), "unhealthy");
      assert.doesNotMatch(await daemon.docker("ps", "-a", "--format", "{{.Status}}"), /health/);
      await daemon.docker("rm", name);
    });
  }

  await context.test("a check that cannot run, and one that says too much, say so", async () => {
    await daemon.docker(
      ...["run", "-d", "--name", "odd", "--health-interval", "200ms", "--health-retries", "1"],
      ...["--health-cmd", "head -c 5000 /dev/zero | tr '\\0' x; no-such-program", "busybox"],
      ...["sleep", "1000"],
    );
    await becomes("odd", "unhealthy");
    const output = await inspect("odd", "{{(index .State.Health.Log 0).Output}}");
    assert.equal(output, `${"x".repeat(4_096)}...`);
    await daemon.docker("rm", "-f", "odd");
    await daemon.docker(
      ...["run", "-d", "--name", "odd", "--health-interval", "200ms", "--health-retries", "1"],
      ...["--health-cmd", "echo said; sleep 60 &", "busybox", "sleep", "1000"],
    );
    await becomes("odd", "healthy");
    assert.equal(await inspect("odd", "{{(index .State.Health.Log 0).Output}}"), "said");
    await daemon.docker("rm", "-f", "odd");
  });
});
