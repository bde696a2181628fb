import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readConfig } from "../../src/daemon/config.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";

test("flags name a log driver's options as Docker's daemon takes them", async () => {
  const { logging } = await readConfig([
    "--log-driver=syslog",
    "--log-opt",
    "tag=a=b",
    "--log-opt",
    "labels",
  ]);
  assert.deepEqual(logging, { driver: "syslog", options: { tag: "a=b", labels: "" } });
});

test("a daemon's log driver and options are those of containers that name none", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "log-defaults-"));
  context.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.json");
  const configure = (value: unknown): Promise<void> => writeFile(file, JSON.stringify(value));
  const logOpts = { "max-size": "20k", "max-file": "2", "cache-max-file": "3" };
  await configure({ logDriver: "local", logOpts });
  const flags = [...containersOnly, "--config", file];
  const daemon = await TestDaemon.start(context, { flags });
  await loadImages(daemon, "busybox");
  const docker = daemon.docker.bind(daemon);
  const logging = async (name: string): Promise<unknown> =>
    JSON.parse(await docker("inspect", "-f", "{{json .HostConfig.LogConfig}}", name));
  const made = async (name: string, ...options: string[]): Promise<unknown> => {
    await docker("create", "--name", name, ...options, "busybox", "true");
    return logging(name);
  };

  await context.test("as inspect and info show, for containers and machines", async () => {
    assert.equal(await docker("info", "-f", "{{.LoggingDriver}}"), "local\n");
    assert.deepEqual(await made("plain"), { Type: "local", Config: logOpts });
    const inMachine = await made("machine", "--isolation=vm");
    assert.deepEqual(inMachine, { Type: "local", Config: logOpts });
  });

  await context.test("a container's own options go before the daemon's", async () => {
    const Config = { ...logOpts, "max-file": "4" };
    assert.deepEqual(await made("more", "--log-opt", "max-file=4"), { Type: "local", Config });
    const named = await made("same", "--log-driver", "local", "--log-opt", "max-file=4");
    assert.deepEqual(named, { Type: "local", Config });
  });

  await context.test(
    "of another driver's, those of the copy kept here alone are taken",
    async () => {
      const Config = { "cache-max-file": "3" };
      const other = await made("other", "--log-driver", "json-file");
      assert.deepEqual(other, { Type: "json-file", Config });
      assert.deepEqual(await made("none", "--log-driver", "none"), { Type: "none", Config });
    },
  );

  await context.test("they are kept to, and are the container's for good", async () => {
    await docker("run", "--name", "wrote", "busybox", "seq", "-w", "20000");
    const kept = (await docker("logs", "wrote")).split("\n").slice(0, -1);
    assert.equal(kept.at(-1), "20000");
    assert.ok(kept.length < 1_000, `${kept.length} lines`);
    await daemon.end("SIGTERM");
    await configure({ logDriver: "none" });
    await daemon.launch();
    assert.deepEqual(await logging("wrote"), { Type: "local", Config: logOpts });
    assert.deepEqual(await made("newer"), { Type: "none", Config: {} });
  });

  await context.test("what would fail containers refuses the daemon's start", async () => {
    await daemon.end("SIGTERM");
    const refusals: readonly (readonly [object, RegExp])[] = [
      [{ logDriver: "sysloog" }, /duetd: failed to set log opts: .*"sysloog" not found\n.*syslog/],
      [{ logOpts: { size: "1m" } }, /: unknown log opt 'size' for json-file log driver/],
      [{ logOpts: { "max-size": "many" } }, /failed to set log opts: invalid size: 'many'/],
      [{ logOpts: { "max-size": 5 } }, /configuration key logOpts must be texts by name/],
    ];
    for (const [value, message] of refusals) {
      await configure(value);
      await assert.rejects(daemon.launch(), message);
    }
    await configure({});
    await daemon.launch();
    assert.equal(await docker("info", "-f", "{{.LoggingDriver}}"), "json-file\n");
  });
});
