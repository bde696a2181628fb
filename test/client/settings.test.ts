import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { resolveSettings } from "../../src/client/settings.ts";

test("the standard socket is used, and DOCKER_HOST is not looked at", () => {
  const { socketPath, mayStart } = resolveSettings({
    env: { DOCKER_HOST: "unix:///var/run/docker.sock" },
  });
  assert.equal(socketPath, "/run/duet/docker.sock");
  assert.equal(mayStart, true);
});

test("an argument wins over DUET_HOST, and a named socket alone is never started", () => {
  const settings = resolveSettings({
    host: "unix:///a.sock",
    env: { DUET_HOST: "unix:///b.sock" },
  });
  assert.equal(settings.socketPath, "/a.sock");
  assert.equal(settings.mayStart, false);
});

test("a run folder names its own socket and is passed to a daemon started on demand", () => {
  const settings = resolveSettings({ runFolder: "/tmp/r", dataRoot: "/tmp/d", env: {} });
  assert.equal(settings.socketPath, "/tmp/r/docker.sock");
  assert.deepEqual(settings.daemonArguments, ["--data-root", "/tmp/d", "--run-dir", "/tmp/r"]);
});

test("a configuration file is read, and one that is no JSON object is refused", async (context) => {
  const folder = await mkdtemp("/tmp/duet-settings-");
  context.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.json");
  await writeFile(file, '{"host":"unix:///tmp/x.sock","dataRoot":"/tmp/data"}');
  const settings = resolveSettings({ configFile: file, env: {} });
  assert.deepEqual([settings.socketPath, settings.dataRoot], ["/tmp/x.sock", "/tmp/data"]);
  await writeFile(file, "[1");
  assert.throws(() => resolveSettings({ configFile: file, env: {} }), { code: "CONFIG_INVALID" });
});

test("a host that is no unix socket is refused with what to write", () => {
  assert.throws(() => resolveSettings({ host: "tcp://127.0.0.1:2375", env: {} }), {
    code: "HOST_NOT_A_SOCKET",
    hint: /unix:/,
  });
});
