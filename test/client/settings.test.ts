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

test("hosts over TLS and ssh are read into their parts, and a daemon is never started there", () => {
  const tls = resolveSettings({
    host: "tcp://build.example.com",
    env: { DOCKER_CERT_PATH: "/certs" },
    certificates: { key: "/my/key.pem" },
  });
  assert.deepEqual(tls.endpoint, {
    kind: "tls",
    host: "build.example.com",
    port: 2376,
    files: {
      authority: "/certs/ca.pem",
      certificate: "/certs/cert.pem",
      key: "/my/key.pem",
    },
  });
  const ssh = resolveSettings({ host: "ssh://me@[2001:db8::7]:2222/run/d.sock", env: {} });
  assert.deepEqual(ssh.endpoint, {
    kind: "ssh",
    host: "2001:db8::7",
    user: "me",
    port: "2222",
    socket: "/run/d.sock",
  });
  assert.deepEqual([tls.mayStart, ssh.mayStart, ssh.socketPath], [false, false, ""]);
});

test("a host whose parts would be options of ssh or words of a shell is refused", () => {
  const hosts = [
    "ssh://-oProxyCommand=x",
    "ssh://-oProxyCommand=x@there",
    "ssh://there/run/$(id).sock",
    "ssh://there/run/d.sock;id",
    "ssh://there:22:22",
    "http://there",
    "tcp://there:2376/path",
    "relative.sock",
  ];
  for (const host of hosts) {
    assert.throws(() => resolveSettings({ host, env: {} }), {
      code: "HOST_UNKNOWN_KIND",
      hint: /unix:.*tcp:.*ssh:/,
    });
  }
});

test("of the places where the configured daemon serves, its unix socket is taken", async (context) => {
  const folder = await mkdtemp("/tmp/duet-settings-");
  context.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.json");
  await writeFile(file, '{"hosts":["tcp://0.0.0.0:2376","unix:///tmp/x.sock"]}');
  assert.equal(resolveSettings({ configFile: file, env: {} }).socketPath, "/tmp/x.sock");
  await writeFile(file, '{"hosts":["tcp://0.0.0.0:2376"]}');
  assert.equal(resolveSettings({ configFile: file, env: {} }).socketPath, "/run/duet/docker.sock");
});
