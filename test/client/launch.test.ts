import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Guard } from "../e2e/guard.ts";

const run = promisify(execFile);
const program = join(import.meta.dirname, "../../src/cli/duet.ts");

test("three first commands at once start one daemon, in the folders that were named", async (context) => {
  const folder = await mkdtemp("/tmp/duet-launch-");
  const runFolder = join(folder, "run");
  const config = join(folder, "config.json");
  await writeFile(config, JSON.stringify({ vmPoolSize: 0 }));
  const holder = spawn(
    "unshare",
    ["--net", "--", "sh", "-c", "ip link set lo up && echo up && read -r _"],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  await once(holder.stdout, "data");
  const guard = new Guard({ folder, cgroup: null, networkPid: holder.pid! });
  const pidFile = join(runFolder, "duetd.pid");
  context.after(async () => {
    if (existsSync(pidFile)) await endDaemon(pidFile);
    holder.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
    guard.release();
  });
  const args = [
    `--net=/proc/${holder.pid}/ns/net`,
    "--",
    process.execPath,
    program,
    "--config",
    config,
    "--data-root",
    join(folder, "data"),
    "--run-dir",
    runFolder,
    "info",
    "--format",
    "{{.ID}} {{.DockerRootDir}}",
  ];
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent" };
  const outcomes = await Promise.all(
    [1, 2, 3].map(() => run("nsenter", args, { timeout: 240_000, env })),
  );
  const answers = new Set(outcomes.map(({ stdout }) => stdout.trim()));
  assert.equal(answers.size, 1);
  assert.match([...answers][0]!, new RegExp(` ${join(folder, "data")}$`));
  /* It answers before it says that it is ready: all that it says is there once it has ended. */
  await endDaemon(pidFile);
  const log = await readFile(join(runFolder, "duetd.log"), "utf8");
  assert.equal(log.split('"event":"ready"').length - 1, 1);
});

/** Ends the daemon that the test's pid file names, and waits until its process is gone. */
async function endDaemon(pidFile: string): Promise<void> {
  const pid = (await readFile(pidFile, "utf8")).trim();
  process.kill(Number(pid), "SIGTERM");
  await run("tail", ["-s", "0.1", "--pid", pid, "-f", "/dev/null"], { timeout: 240_000 });
}

test("someone who is not root is told what to do when no daemon answers", async (context) => {
  const folder = await mkdtemp("/tmp/duet-launch-");
  context.after(() => rm(folder, { recursive: true, force: true }));
  const code = [
    `const { launchDaemon } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/client/launch.ts"))});`,
    `const { resolveSettings } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/client/settings.ts"))});`,
    "process.geteuid = () => 1000;",
    `await launchDaemon(resolveSettings({ runFolder: ${JSON.stringify(folder)}, env: {} }), undefined).catch((error) => console.log(error.code, error.hint));`,
  ].join("\n");
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], {
    timeout: 120_000,
  });
  assert.match(stdout, /^NEEDS_ROOT .*sudo/);
});
